/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_RELAY_H
#define VSA_PROGRAMS_VSOCK_CLIENT_RELAY_H

#include "command_line/exit_code.h"
#include "programs/vsock_client/arguments.h"

/* Carries lines until a signal ends it. */
enum exit_code client_relay(const struct client_arguments *arguments);

#endif
