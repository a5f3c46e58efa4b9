/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_SEALED_H
#define VSA_PROGRAMS_VSOCK_CLIENT_SEALED_H

#include "programs/vsock_client/session.h"

/*
 * Gets the enclave's key, verified, sends the request sealed, and opens the reply. Only with
 * --idempotent is a request sent again whose outcome is unknown.
 */
VSA_MUST_USE enum vsa_status client_ask_sealed(const struct client_arguments *arguments,
                                               struct vsa_client *client,
                                               struct client_outcome *outcome);

#endif
