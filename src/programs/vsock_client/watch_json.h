/* SPDX-License-Identifier: Apache-2.0 */
/* A line of --watch --json: docs/PROTOCOL.md, "Output of vsock_client". */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_WATCH_JSON_H
#define VSA_PROGRAMS_VSOCK_CLIENT_WATCH_JSON_H

#include "programs/vsock_client/round.h"

/* Prints it, and has it leave the program. Errors: VSA_ERR_MEMORY, VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status
client_watch_json(uint64_t number, const struct client_watched *watched, struct vsa_error *error);

#endif
