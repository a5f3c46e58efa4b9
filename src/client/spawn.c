/* SPDX-License-Identifier: Apache-2.0 */
#include "client/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vsattest/base.h>

/* Time for a killed program to end. One that we may not kill (sudo) is left running. */
#define REAP_MS 1000
#define POLL_MS 5

int vsa_spawn_move_up(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    (void)close(fd);
    return moved;
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

static int set_actions(posix_spawn_file_actions_t *actions, struct vsa_spawn_fds fds)
{
    int failed = fds.in < 0 ? posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null",
                                                               O_RDONLY, 0)
                            : posix_spawn_file_actions_adddup2(actions, fds.in, STDIN_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, fds.out, STDOUT_FILENO);
    if (!failed && fds.err != STDERR_FILENO)
        failed = posix_spawn_file_actions_adddup2(actions, fds.err, STDERR_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return failed;
}

int vsa_spawn(const char *const *arguments, struct vsa_spawn_fds fds, pid_t *pid)
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
        failed = set_actions(&actions, fds);
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

bool vsa_spawn_reap(pid_t pid, int64_t deadline_ms, int *exit_status)
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

void vsa_spawn_end(pid_t pid)
{
    int ignored;
    (void)kill(-pid, SIGKILL);
    (void)vsa_spawn_reap(pid, vsa_deadline(REAP_MS), &ignored);
}
