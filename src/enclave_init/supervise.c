/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave_init/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "enclave_init/console.h"
#include "enclave_init/restart.h"

#define DEFAULT_PATH "/sbin:/usr/sbin:/bin:/usr/bin"
/* Linux starts with a hard limit of 4096, and a server may hold 10,000 connections. */
#define MAX_FILES 65536

/* Of the command that runs now. */
struct run {
    pid_t pid; /* 0: none; also its session and process group */
    bool ended;
    int wait_status;
    bool stopping;
    int64_t kill_at_ms; /* once stopping */
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

/* Without supplementary groups. Returns 0 or errno. */
static int change_user(const struct user *user)
{
    if (!user->uid)
        return 0;
    if (setgroups(0, NULL) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
        setresuid(user->uid, user->uid, user->uid) != 0)
        return errno;
    return 0;
}

/* In the child; writes errno to `failure` if the command cannot be run. */
static void become(const struct supervise_application *application, int failure)
{
    const struct rlimit files = {MAX_FILES, MAX_FILES};
    sigset_t none;
    sigemptyset(&none);
    (void)setsid();
    (void)setrlimit(RLIMIT_NOFILE, &files);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    set_environment(application->environment);
    int reason = change_user(&application->user);
    if (reason == 0) {
        (void)execvp(application->command[0], application->command);
        reason = errno;
    }
    ssize_t written = write(failure, &reason, sizeof(reason));
    (void)written; /* the exit status says it as well */
    _exit(127);
}

/* Returns 0 once the command runs. */
static int start(const struct supervise_application *application, struct run *run)
{
    int failure[2];
    int reason = 0;
    if (pipe2(failure, O_CLOEXEC) != 0)
        return console_fail("cannot start %s", application->command[0]);
    pid_t pid = fork();
    if (pid == 0)
        become(application, failure[1]);
    (void)close(failure[1]);
    /* The pipe closes by itself when the command begins. */
    ssize_t size = pid > 0 ? read(failure[0], &reason, sizeof(reason)) : -1;
    if (pid < 0)
        reason = errno;
    (void)close(failure[0]);
    if (pid > 0 && size <= 0) {
        *run = (struct run){.pid = pid};
        return 0;
    }
    errno = reason;
    return console_fail("cannot start %s", application->command[0]);
}

static void reap(struct run *run)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == run->pid) {
            run->ended = true;
            run->wait_status = status;
        }
}

static void stop(struct run *run)
{
    if (run->stopping)
        return;
    console_say("stopping");
    run->stopping = true;
    run->kill_at_ms = now_ms() + SUPERVISE_STOP_LIMIT_MS;
    if (run->pid)
        (void)kill(-run->pid, SIGTERM);
}

/* Handles signals until the command has ended, or until `limit_ms` have passed. */
static void watch(struct run *run, int64_t limit_ms)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    int64_t deadline = now_ms() + limit_ms;
    for (;;) {
        reap(run);
        int64_t left = deadline - now_ms();
        if (run->ended || left <= 0 || (run->stopping && !run->pid))
            return;
        if (run->stopping && now_ms() >= run->kill_at_ms)
            (void)kill(-run->pid, SIGKILL);
        /* Once a second at least: SIGCHLD of many children may come as one. */
        struct timespec time = {.tv_sec = left >= 1000, .tv_nsec = (long)(left % 1000) * 1000000};
        if (time.tv_sec)
            time.tv_nsec = 0;
        int number = sigtimedwait(&wanted, NULL, &time);
        if (number == SIGTERM || number == SIGINT)
            stop(run);
    }
}

/* Runs the command once, from its start to its end. Returns whether to run it again. */
static bool run_once(const struct supervise_application *application, struct restart_state *state)
{
    const char *name = application->command[0];
    struct run run = {.pid = 0};
    char how[96];
    int delay_ms = 0;
    int64_t started = now_ms();
    if (start(application, &run) != 0)
        return false;
    console_say("started %s as user %u, group %u", name, application->user.uid,
                application->user.gid);
    while (!run.ended)
        watch(&run, INT32_MAX);
    /* What it left behind may hold its port. */
    (void)kill(-run.pid, SIGKILL);
    restart_describe(run.wait_status, how, sizeof(how));
    switch (restart_decide(state, run.stopping, run.wait_status, now_ms() - started, &delay_ms)) {
    case RESTART_DONE:
        console_say("%s %s", name, how);
        return false;
    case RESTART_GIVE_UP:
        console_say("%s %s; giving up after %d restarts", name, how, RESTART_MAX);
        return false;
    case RESTART_AGAIN:
    default:
        break;
    }
    console_say("%s %s; restart %u of %d in %d ms", name, how, state->failures, RESTART_MAX,
                delay_ms);
    struct run pause = {.pid = 0};
    watch(&pause, delay_ms);
    return !pause.stopping;
}

void supervise(const struct supervise_application *application)
{
    struct restart_state state = {.failures = 0};
    while (run_once(application, &state))
        ;
}
