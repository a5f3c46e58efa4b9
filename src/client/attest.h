/* SPDX-License-Identifier: Apache-2.0 */
/* Documents about an enclave's sealing key. */
#ifndef VSA_CLIENT_ATTEST_H
#define VSA_CLIENT_ATTEST_H

#include <vsattest/client.h>

/*
 * Requests the document about the sealing key and verifies it, with a nonce of its own.
 *
 * policy         in: without nonce and user data, which are the server's here
 * reply, claims  out: as of vsa_client_attest_and_verify()
 * expires_in_ms  out: how long the key can be used, by the server's word; 0 or more
 *
 * Errors: those of vsa_client_attest_and_verify().
 */
VSA_MUST_USE enum vsa_status
vsa_client_seal_key(struct vsa_client *client, struct vsa_verifier *verifier,
                    const struct vsa_policy *policy, int64_t (*now)(const void *context),
                    const void *context, int64_t deadline_ms, struct vsa_attestation_reply *reply,
                    struct vsa_claims *claims, int64_t *expires_in_ms, struct vsa_error *error);

#endif
