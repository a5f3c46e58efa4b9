/* SPDX-License-Identifier: Apache-2.0 */
#include "client/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "client/spawn.h"

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

static bool open_pipe(struct pipe_ends *ends)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    ends->read_end = vsa_spawn_move_up(fds[0]);
    ends->write_end = vsa_spawn_move_up(fds[1]);
    return ends->read_end >= 0 && ends->write_end >= 0 &&
           fcntl(ends->read_end, F_SETFL, O_NONBLOCK) == 0;
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
    const struct vsa_spawn_fds fds = {-1, out->write_end, err->write_end};
    result->start_error = vsa_spawn(arguments, fds, &pid);
    if (result->start_error)
        return VSA_OK;
    (void)close(out->write_end);
    (void)close(err->write_end);
    out->write_end = err->write_end = -1;
    enum vsa_status status =
        collect(&out->read_end, &err->read_end, deadline_ms, buffer, capacity, result, error);
    if (status == VSA_OK && vsa_spawn_reap(pid, deadline_ms, &result->exit_status)) {
        if (result->exit_status == EXIT_NOT_STARTED && !result->stdout_size && !result->stderr_size)
            result->start_error = ENOENT;
        return VSA_OK;
    }
    vsa_spawn_end(pid);
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
