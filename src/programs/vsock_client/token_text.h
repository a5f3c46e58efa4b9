/* SPDX-License-Identifier: Apache-2.0 */
/* A verification service's token for people. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_TOKEN_TEXT_H
#define VSA_PROGRAMS_VSOCK_CLIENT_TOKEN_TEXT_H

#include "programs/vsock_client/arguments.h"

/* Prints what the token says, and the token. */
VSA_MUST_USE enum vsa_status client_print_token(const struct client_arguments *arguments,
                                                const struct vsa_outcome *outcome,
                                                struct vsa_error *error);

/* Prints status and module ID for the table of --all. */
void client_print_token_columns(const struct vsa_outcome *outcome);

#endif
