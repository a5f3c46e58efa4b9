/* SPDX-License-Identifier: Apache-2.0 */
/* Starts another program and ends it: no shell, no inherited descriptors beyond three. */
#ifndef VSA_CLIENT_SPAWN_H
#define VSA_CLIENT_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Descriptors above 2 (vsa_spawn_move_up()) that become the program's standard ones. */
struct vsa_spawn_fds {
    int in; /* -1: /dev/null */
    int out;
    int err; /* or STDERR_FILENO itself */
};

/*
 * Starts the program with default signals, in a process group of its own.
 *
 * arguments  in: NULL-terminated; the first is looked up in PATH unless it has a slash
 * pid        out: vsa_spawn_reap() or vsa_spawn_end() must follow
 *
 * Returns an errno, or 0.
 */
int vsa_spawn(const char *const *arguments, struct vsa_spawn_fds fds, pid_t *pid);

/* Moves a descriptor above 2; the old one is closed. Returns the new one, or -1 and sets errno. */
int vsa_spawn_move_up(int fd);

/*
 * Waits for the program until the deadline; returns whether it has ended. `exit_status` is set as
 * in a shell: 128 + N if signal N ended it; with SIGCHLD ignored it is 0.
 */
bool vsa_spawn_reap(pid_t pid, int64_t deadline_ms, int *exit_status);

/* Kills the program and what it started, and reaps it. */
void vsa_spawn_end(pid_t pid);

#endif
