/* SPDX-License-Identifier: Apache-2.0 */
/* --service: a document that a verification service appraises (docs/SERVICE.md). */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_SERVICE_H
#define VSA_PROGRAMS_VSOCK_CLIENT_SERVICE_H

#include "programs/vsock_client/session.h"

/*
 * Gets a challenge, a document with it as its nonce, and the service's token about that document;
 * checks the token with the keys that the service publishes. Fails, with the token in the outcome,
 * if its result is not affirming.
 */
VSA_MUST_USE enum vsa_status client_ask_service(const struct client_arguments *arguments,
                                                struct vsa_client *client,
                                                struct client_outcome *outcome);

/* Prints what the token says, and the token. */
VSA_MUST_USE enum vsa_status client_print_token(const struct client_arguments *arguments,
                                                const struct client_outcome *outcome,
                                                struct vsa_error *error);

/* Prints status and policy for the table of --all. */
void client_print_token_columns(const struct client_outcome *outcome);

#endif
