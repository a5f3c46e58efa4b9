/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_ENCLAVE_INIT_SUPERVISE_H
#define VSA_ENCLAVE_INIT_SUPERVISE_H

#include "enclave_init/user.h"

/* Time for the command after SIGTERM; the server's own limit for draining is 10 s. */
#define SUPERVISE_STOP_LIMIT_MS 15000

/* What runs, as the image says. */
struct supervise_application {
    char **command;     /* ends with NULL; at least one word */
    char **environment; /* ends with NULL */
    struct user user;
};

/*
 * Runs an application and keeps it running (restart.h), reaping whatever else ends; forwards
 * SIGTERM and SIGINT. Returns when the enclave has to end, after a message.
 * Signals must be blocked.
 */
void supervise(const struct supervise_application *application);

#endif
