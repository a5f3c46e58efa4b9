/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_client --watch: round after round until it is stopped. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_WATCH_H
#define VSA_PROGRAMS_VSOCK_CLIENT_WATCH_H

#include "programs/exit_code.h"
#include "programs/vsock_client/arguments.h"

/*
 * Ends after --count rounds, on SIGINT, SIGTERM and SIGHUP, and when nobody reads standard output.
 * Gives the worst result of all rounds; does not return while a round hangs that nobody waits for.
 */
enum exit_code client_watch(const struct client_arguments *arguments);

#endif
