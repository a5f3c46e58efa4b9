/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_client --watch: round after round until it is stopped. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_WATCH_H
#define VSA_PROGRAMS_VSOCK_CLIENT_WATCH_H

#include "command_line/exit_code.h"
#include "programs/vsock_client/arguments.h"

/*
 * Verifies every interval and compares PCRs and module ID with the first round's. Returns the worst
 * result after --count rounds or when standard output fails; SIGINT, SIGTERM and SIGHUP end the
 * program with it at once.
 */
enum exit_code client_watch(const struct client_arguments *arguments);

#endif
