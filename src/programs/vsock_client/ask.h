/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line asks, and of which enclave. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_ASK_H
#define VSA_PROGRAMS_VSOCK_CLIENT_ASK_H

#include "programs/vsock_client/arguments.h"

/* Returns what the action asks; borrows from the arguments. */
struct vsa_query client_query(const struct client_arguments *arguments);

/*
 * Finds the enclave that the arguments name, and prints on stderr what nitro-cli showed of it.
 * Errors: those of vsa_target_find().
 */
VSA_MUST_USE enum vsa_status client_find(const struct client_arguments *arguments,
                                         int64_t deadline_ms, struct vsa_target *target,
                                         struct vsa_enclave_list *running, struct vsa_error *error);

#endif
