/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_client --all: one action on every running enclave of this parent instance. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_ALL_H
#define VSA_PROGRAMS_VSOCK_CLIENT_ALL_H

#include "command_line/exit_code.h"
#include "programs/vsock_client/arguments.h"

/* Runs the action on each enclave; prints the table or JSON. Returns the worst result. */
enum exit_code client_all(const struct client_arguments *arguments);

#endif
