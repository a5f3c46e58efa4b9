/* SPDX-License-Identifier: Apache-2.0 */
#include "client/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include <vsattest/transport.h>

/* Time for a killed program to end. One that we may not kill (sudo) is left running. */
#define REAP_MS 1000
#define POLL_MS 5
/* Exit status of a child whose exec failed where posix_spawn cannot report it (POSIX). */
#define EXIT_NOT_STARTED 127

struct pipe_ends {
    int read_end;
    int write_end;
};

static void close_ends(struct pipe_ends *ends)
{
    if (ends->read_end >= 0)
        (void)close(ends->read_end);
    if (ends->write_end >= 0)
        (void)close(ends->write_end);
    *ends = (struct pipe_ends){-1, -1};
}

/* Moves a descriptor above 2, so that the child's standard ones do not overwrite it. */
static int move_up(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    (void)close(fd);
    return moved;
}

static bool open_pipe(struct pipe_ends *ends)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    ends->read_end = move_up(fds[0]);
    ends->write_end = move_up(fds[1]);
    return ends->read_end >= 0 && ends->write_end >= 0 &&
           fcntl(ends->read_end, F_SETFL, O_NONBLOCK) == 0;
}

/* Sets default signals, none blocked, and a new process group, to kill all it starts. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int failed = posix_spawnattr_setsigmask(attributes, &none);
    if (!failed)
        failed = posix_spawnattr_setsigdefault(attributes, &all);
    if (!failed)
        failed = posix_spawnattr_setpgroup(attributes, 0);
    if (!failed)
        failed = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return failed;
}

static int set_actions(posix_spawn_file_actions_t *actions, int out, int err)
{
    int failed = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, err, STDERR_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return failed;
}

/* Starts the program; returns an errno, or 0 and sets the child's ID. */
static int start(const char *const *arguments, int out, int err, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (failed) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return failed;
    }
    failed = set_attributes(&attributes);
    if (!failed)
        failed = set_actions(&actions, out, err);
    if (!failed) {
        /* POSIX: posix_spawnp() does not change the strings. */
        union {
            const char *const *in;
            char *const *out;
        } argv = {arguments};
        failed = posix_spawnp(pid, arguments[0], &actions, &attributes, argv.out, environ);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* Waits for the child; true when it has ended. With SIGCHLD ignored its status is 0. */
static bool reap(pid_t pid, int64_t deadline_ms, int *exit_status)
{
    for (;;) {
        int status = 0;
        pid_t waited = waitpid(pid, &status, WNOHANG);
        if (waited == pid) {
            *exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
            return true;
        }
        if (waited < 0 && errno != EINTR) {
            *exit_status = 0;
            return true;
        }
        if (vsa_monotonic_ms() >= deadline_ms)
            return false;
        struct timespec pause = {0, POLL_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
}

static void kill_and_reap(pid_t pid)
{
    int ignored;
    (void)kill(-pid, SIGKILL);
    (void)reap(pid, vsa_deadline(REAP_MS), &ignored);
}

/* Reads once; at the end of the stream closes the descriptor and sets it to -1. */
static enum vsa_status read_some(int *fd, char *buffer, size_t capacity, size_t *size,
                                 bool overflow_is_error, struct vsa_error *error)
{
    char rest[1024];
    bool full = *size == capacity;
    ssize_t n = full ? read(*fd, rest, sizeof(rest)) : read(*fd, buffer + *size, capacity - *size);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return VSA_OK;
    if (n < 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot read from a program: %s", strerror(errno));
    if (n == 0) {
        (void)close(*fd);
        *fd = -1;
    } else if (!full) {
        *size += (size_t)n;
    } else if (overflow_is_error) {
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "a program printed more than %zu bytes",
                        capacity);
    }
    return VSA_OK;
}

static enum vsa_status collect(int *out, int *err, int64_t deadline_ms, char *buffer,
                               size_t capacity, struct vsa_program_result *result,
                               struct vsa_error *error)
{
    while (*out >= 0 || *err >= 0) {
        int64_t left = deadline_ms - vsa_monotonic_ms();
        if (left <= 0)
            return vsa_fail(error, VSA_ERR_TIMEOUT, "a program did not end in time");
        struct pollfd fds[2] = {{*out, POLLIN, 0}, {*err, POLLIN, 0}};
        int ready = poll(fds, 2, left > 1000 ? 1000 : (int)left);
        if (ready < 0 && errno != EINTR)
            return vsa_fail(error, VSA_ERR_IO, "poll: %s", strerror(errno));
        if (ready <= 0)
            continue;
        if (fds[0].revents)
            VSA_TRY(read_some(out, buffer, capacity, &result->stdout_size, true, error));
        if (fds[1].revents)
            VSA_TRY(read_some(err, result->stderr_text, sizeof(result->stderr_text),
                              &result->stderr_size, false, error));
    }
    return VSA_OK;
}

static enum vsa_status run(const char *const *arguments, int64_t deadline_ms, struct pipe_ends *out,
                           struct pipe_ends *err, char *buffer, size_t capacity,
                           struct vsa_program_result *result, struct vsa_error *error)
{
    if (!open_pipe(out) || !open_pipe(err))
        return vsa_fail(error, VSA_ERR_IO, "cannot make a pipe: %s", strerror(errno));
    pid_t pid;
    result->start_error = start(arguments, out->write_end, err->write_end, &pid);
    if (result->start_error)
        return VSA_OK;
    (void)close(out->write_end);
    (void)close(err->write_end);
    out->write_end = err->write_end = -1;
    enum vsa_status status =
        collect(&out->read_end, &err->read_end, deadline_ms, buffer, capacity, result, error);
    if (status == VSA_OK && reap(pid, deadline_ms, &result->exit_status)) {
        if (result->exit_status == EXIT_NOT_STARTED && !result->stdout_size && !result->stderr_size)
            result->start_error = ENOENT;
        return VSA_OK;
    }
    kill_and_reap(pid);
    if (status != VSA_OK)
        return status;
    return vsa_fail(error, VSA_ERR_TIMEOUT, "a program did not end in time");
}

enum vsa_status vsa_run_program(const char *const *arguments, int64_t deadline_ms, char *buffer,
                                size_t capacity, struct vsa_program_result *result,
                                struct vsa_error *error)
{
    struct vsa_program_result found = {0};
    struct pipe_ends out = {-1, -1};
    struct pipe_ends err = {-1, -1};
    enum vsa_status status =
        run(arguments, deadline_ms, &out, &err, buffer, capacity, &found, error);
    close_ends(&out);
    close_ends(&err);
    if (status != VSA_OK) {
        vsa_error_wrap(error, "%s", arguments[0]);
        return status;
    }
    *result = found;
    return VSA_OK;
}
