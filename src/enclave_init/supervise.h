/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_ENCLAVE_INIT_SUPERVISE_H
#define VSA_ENCLAVE_INIT_SUPERVISE_H

#include <stdint.h>

#include "enclave_init/services.h"

/* Time for all services after SIGTERM; the server's own limit for draining is 10 s. */
#define SUPERVISE_STOP_LIMIT_MS 15000
/* Time from the start of a service until its socket takes connections, restarts included. */
#define SUPERVISE_READY_LIMIT_MS 60000 /* of an enclave */

/*
 * Starts the services one after the other, each when the one before is ready, and keeps them
 * running (restart.h), reaping whatever else ends. On SIGTERM and SIGINT stops them, the last one
 * first. Returns when the enclave has to end, after a message: what still runs then was killed.
 * Signals must be blocked.
 *
 * ready_limit_ms  SUPERVISE_READY_LIMIT_MS
 */
void supervise(const struct services *services, int64_t ready_limit_ms);

#endif
