/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave_init/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "enclave_init/console.h"
#include "enclave_init/restart.h"

#define DEFAULT_PATH "/sbin:/usr/sbin:/bin:/usr/bin"
/* Linux starts with a hard limit of 4096, and a server may hold 10,000 connections. */
#define MAX_FILES 65536

/* How often a socket is tried until it takes a connection, in ms. */
#define READY_PAUSE_MS 50

/* One service as it runs. */
struct run {
    const struct service *service;
    pid_t pid;           /* 0: none; also its session and process group */
    int64_t started_ms;  /* of this start */
    int64_t first_ms;    /* of its first start */
    int64_t start_at_ms; /* of a restart that is due then; -1: none */
    bool signalled;      /* was sent SIGTERM */
    struct restart_state restarts;
};

struct service_group {
    struct run runs[SERVICES_MAX];
    size_t count;       /* in all */
    size_t started;     /* of them, from the first */
    bool last_is_ready; /* of those started; the next one may start */
    bool ended;         /* the enclave has to end */
    bool stopping;
    int64_t kill_at_ms;     /* once stopping */
    int64_t ready_limit_ms; /* from a service's first start */
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_environment(char **environment)
{
    (void)clearenv();
    (void)setenv("PATH", DEFAULT_PATH, 1);
    for (; *environment; environment++)
        (void)putenv(*environment);
}

/* Becomes the user, without supplementary groups. Returns 0 or errno. */
static int change_user(const struct user *user)
{
    if (!user->uid)
        return 0;
    if (setgroups(0, NULL) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
        setresuid(user->uid, user->uid, user->uid) != 0)
        return errno;
    return 0;
}

/* Runs the command, in the child; writes errno to `failure` if that fails. */
static void exec_service(const struct service *service, int failure)
{
    const struct rlimit files = {MAX_FILES, MAX_FILES};
    sigset_t none;
    sigemptyset(&none);
    (void)setsid();
    (void)setrlimit(RLIMIT_NOFILE, &files);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    set_environment(service->environment);
    int reason = change_user(&service->user);
    if (reason == 0) {
        (void)execvp(service->command[0], service->command);
        reason = errno;
    }
    ssize_t written = write(failure, &reason, sizeof(reason));
    (void)written; /* the exit status says it as well */
    _exit(127);
}

/* Returns the PID once the command runs, or -1 after a message. */
static pid_t start_command(const struct service *service)
{
    int failure[2];
    int reason = 0;
    if (pipe2(failure, O_CLOEXEC) != 0)
        return console_fail("cannot start %s", service->name);
    pid_t pid = fork();
    if (pid == 0)
        exec_service(service, failure[1]);
    (void)close(failure[1]);
    /* The pipe closes by itself when the command begins. */
    ssize_t size = pid > 0 ? read(failure[0], &reason, sizeof(reason)) : -1;
    if (pid < 0)
        reason = errno;
    (void)close(failure[0]);
    if (pid > 0 && size <= 0)
        return pid;
    errno = reason;
    return console_fail("cannot start %s", service->name);
}

/* Starts a service, or starts it again. A command that cannot be executed ends the enclave. */
static void start(struct service_group *group, struct run *run)
{
    const struct service *service = run->service;
    /* What the run before has left would keep the service from binding it. */
    if (service->socket)
        (void)unlink(service->socket);
    run->started_ms = now_ms();
    run->start_at_ms = -1;
    run->pid = start_command(service);
    if (run->pid < 0) {
        run->pid = 0;
        group->ended = true;
        return;
    }
    console_say("started %s as user %u, group %u", service->name, service->user.uid,
                service->user.gid);
}

/* --- readiness -------------------------------------------------------------------------------- */

/* Returns whether a process listens there: a full queue of connections shows it, too. */
static bool takes_connections(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool taken =
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN;
    (void)close(fd);
    return taken;
}

/* Looks whether the service that was started last is ready. */
static void check_ready(struct service_group *group)
{
    const struct run *run = &group->runs[group->started - 1];
    const char *path = run->service->socket;
    if (!path || (run->pid && takes_connections(path))) {
        group->last_is_ready = true;
        if (path)
            console_say("%s is ready", run->service->name);
    } else if (now_ms() - run->first_ms >= group->ready_limit_ms) {
        console_say("%s does not listen on %s after %d s", run->service->name, path,
                    (int)(group->ready_limit_ms / 1000));
        group->ended = true;
    }
}

/* Starts what is due: a service whose pause is over, the next one in the row. */
static void advance(struct service_group *group)
{
    for (size_t i = 0; i < group->started && !group->ended; i++)
        if (group->runs[i].start_at_ms >= 0 && now_ms() >= group->runs[i].start_at_ms)
            start(group, &group->runs[i]);
    while (!group->ended && group->started < group->count) {
        if (group->started && !group->last_is_ready)
            check_ready(group);
        if (group->ended || (group->started && !group->last_is_ready))
            return;
        struct run *next = &group->runs[group->started++];
        next->first_ms = now_ms();
        group->last_is_ready = false;
        start(group, next);
    }
}

/* --- ends ------------------------------------------------------------------------------------- */

static void handle_end(struct service_group *group, struct run *run, int wait_status)
{
    const char *name = run->service->name;
    char how[96];
    int delay_ms = 0;
    restart_describe(wait_status, how, sizeof(how));
    /* What it left behind may hold its port. */
    (void)kill(-run->pid, SIGKILL);
    run->pid = 0;
    switch (restart_decide(&run->restarts, group->stopping, run->service->restart, wait_status,
                           now_ms() - run->started_ms, &delay_ms)) {
    case RESTART_DONE:
        console_say("%s %s", name, how);
        group->ended = !group->stopping;
        return;
    case RESTART_GIVE_UP:
        console_say("%s %s; giving up after %u restarts", name, how, run->restarts.failures);
        group->ended = true;
        return;
    case RESTART_AGAIN:
    default:
        break;
    }
    console_say("%s %s; restart %u of %d in %d ms", name, how, run->restarts.failures, RESTART_MAX,
                delay_ms);
    run->start_at_ms = now_ms() + delay_ms;
}

static void reap(struct service_group *group)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < group->started; i++)
            if (group->runs[i].pid == pid)
                handle_end(group, &group->runs[i], status);
}

/* --- stopping --------------------------------------------------------------------------------- */

static void stop(struct service_group *group)
{
    if (group->stopping)
        return;
    console_say("stopping");
    group->stopping = true;
    group->kill_at_ms = now_ms() + SUPERVISE_STOP_LIMIT_MS;
    for (size_t i = 0; i < group->started; i++)
        group->runs[i].start_at_ms = -1;
}

/*
 * Sends SIGTERM to the last service that runs: those before it, which it may need to finish what it
 * has begun, follow when it has ended.
 */
static void stop_last(struct service_group *group)
{
    for (size_t i = group->started; i > 0; i--) {
        struct run *run = &group->runs[i - 1];
        if (!run->pid)
            continue;
        if (!run->signalled)
            (void)kill(-run->pid, SIGTERM);
        run->signalled = true;
        if (now_ms() < group->kill_at_ms)
            return;
        (void)kill(-run->pid, SIGKILL);
    }
}

static void kill_all(const struct service_group *group)
{
    for (size_t i = 0; i < group->started; i++)
        if (group->runs[i].pid)
            (void)kill(-group->runs[i].pid, SIGKILL);
}

static bool runs_any(const struct service_group *group)
{
    for (size_t i = 0; i < group->started; i++)
        if (group->runs[i].pid)
            return true;
    return false;
}

/* --- the loop --------------------------------------------------------------------------------- */

/*
 * Returns the time until something is due, in ms; a second at most: SIGCHLD of many may come as
 * one.
 */
static int64_t time_to_wait(const struct service_group *group)
{
    int64_t now = now_ms();
    int64_t wait = 1000;
    if (!group->stopping && group->started < group->count)
        wait = READY_PAUSE_MS;
    for (size_t i = 0; i < group->started; i++) {
        int64_t at = group->runs[i].start_at_ms;
        if (at >= 0 && at - now < wait)
            wait = at > now ? at - now : 0;
    }
    return wait;
}

/* Waits for a signal. */
static void watch(struct service_group *group)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    int64_t wait = time_to_wait(group);
    struct timespec time = {.tv_sec = wait / 1000, .tv_nsec = (long)(wait % 1000) * 1000000};
    int number = sigtimedwait(&wanted, NULL, &time);
    if (number == SIGTERM || number == SIGINT)
        stop(group);
}

void supervise(const struct services *services, int64_t ready_limit_ms)
{
    struct service_group group = {.count = services->count, .ready_limit_ms = ready_limit_ms};
    for (size_t i = 0; i < services->count; i++)
        group.runs[i] = (struct run){.service = &services->items[i], .start_at_ms = -1};
    while (!group.ended && !(group.stopping && !runs_any(&group))) {
        if (group.stopping)
            stop_last(&group);
        else
            advance(&group);
        if (!group.ended)
            watch(&group);
        reap(&group);
    }
    kill_all(&group);
}
