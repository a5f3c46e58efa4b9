/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_ENCLAVE_INIT_SUPERVISE_H
#define VSA_ENCLAVE_INIT_SUPERVISE_H

/* After SIGTERM the command gets so long; the server's own limit for draining is 10 s. */
#define SUPERVISE_STOP_LIMIT_MS 15000

/*
 * Runs a command and keeps it running (restart.h), reaping whatever else ends; forwards SIGTERM
 * and SIGINT. Returns when the enclave has to end, and said why. Signals must be blocked.
 */
void supervise(char **command, char **environment);

#endif
