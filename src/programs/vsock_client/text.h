/* SPDX-License-Identifier: Apache-2.0 */
/* What vsock_client prints for people. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_TEXT_H
#define VSA_PROGRAMS_VSOCK_CLIENT_TEXT_H

#include "programs/vsock_client/hints.h"
#include "programs/vsock_client/session.h"

/* A reply to `status` that vsa_client_status() gave; members of newer servers if they are there. */
VSA_MUST_USE enum vsa_status client_text_status(const json_t *reply, struct vsa_error *error);

/* "NAME", or the ID of an enclave without one. */
const char *client_text_name(const struct vsa_enclave *enclave);

/* Which enclave nitro-cli led to, on stderr. */
void client_text_announce(const struct vsa_enclave *enclave);

/* Warns on stderr of enclaves that nitro-cli could not reach. */
void client_text_unreachable(const struct vsa_enclave_list *running);

/* The enclaves to choose from, on stderr. */
void client_text_list(const struct vsa_enclave_list *running);

/* An error and the way out of it, on stderr. `place`: what failed. */
void client_text_failure(const struct vsa_error *error, enum client_place place,
                         const struct vsa_enclave_list *running);

#endif
