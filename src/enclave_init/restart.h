/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when the command ends. Documented in man/enclave_init.8.scd. */
#ifndef VSA_ENCLAVE_INIT_RESTART_H
#define VSA_ENCLAVE_INIT_RESTART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Restarts in a row before the enclave gives up: about 8 seconds of trying. */
#define RESTART_MAX 5
/* Delay before the first restart, in ms, doubled for each further one: 0.25, 0.5, 1, 2, 4 s. */
#define RESTART_FIRST_DELAY_MS 250
/*
 * Runtime in ms after which a command counts as up: its next failure is the first of a new series.
 */
#define RESTART_STABLE_MS 60000

struct restart_state {
    unsigned failures; /* in a row; ends of a command that is to run always are failures */
};

/* Which ends of a command lead to another start. */
enum restart_policy {
    RESTART_ON_FAILURE, /* status 0 means that it has finished */
    RESTART_ALWAYS,
    RESTART_NEVER,
};

enum restart_verdict {
    RESTART_AGAIN,   /* after `*delay_ms` */
    RESTART_GIVE_UP, /* too many failures */
    RESTART_DONE,    /* it was asked to stop, or says that it has finished */
};

/*
 * Decides what follows the end of a command.
 *
 * stopping     SIGTERM was forwarded to the command
 * policy       of the command
 * wait_status  of waitpid()
 * ran_ms       how long it ran
 */
enum restart_verdict restart_decide(struct restart_state *state, bool stopping,
                                    enum restart_policy policy, int wait_status, int64_t ran_ms,
                                    int *delay_ms);

/* Writes "exited with status 1", "was killed by signal 9 (Killed)". Returns `text`. */
const char *restart_describe(int wait_status, char *text, size_t capacity);

#endif
