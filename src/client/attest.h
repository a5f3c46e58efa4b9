/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of asking for a document, for one connection and for a pool. */
#ifndef VSA_CLIENT_ATTEST_H
#define VSA_CLIENT_ATTEST_H

#include <vsattest/client.h>

/* The JSON request: a new reference. Errors: VSA_ERR_ARGUMENT, VSA_ERR_TOO_LARGE, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_attest_object(const struct vsa_attestation_request *request,
                                               json_t **object, struct vsa_error *error);
/* What came back, still not verified. Errors: VSA_ERR_REPLY and its like. */
VSA_MUST_USE enum vsa_status vsa_attest_read(const json_t *received,
                                             struct vsa_attestation_reply *reply,
                                             struct vsa_error *error);

/* What is asked for and what is expected back, made to agree. Not to be copied. */
struct vsa_attest_plan {
    struct vsa_attestation_request asked; /* may borrow `made_nonce` */
    struct vsa_policy expected;
    char made_nonce[VSA_NONCE_TEXT_SIZE];
};

/* Errors: VSA_ERR_ARGUMENT when request and policy name different values, VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status vsa_attest_plan_make(const struct vsa_attestation_request *request,
                                                  const struct vsa_policy *policy,
                                                  struct vsa_attest_plan *plan,
                                                  struct vsa_error *error);
/* Errors: those of vsa_verify(), VSA_ERR_PUBLIC_KEY. */
VSA_MUST_USE enum vsa_status vsa_attest_plan_verify(const struct vsa_attest_plan *plan,
                                                    struct vsa_verifier *verifier, int64_t now_ms,
                                                    const struct vsa_attestation_reply *reply,
                                                    struct vsa_claims *claims,
                                                    struct vsa_error *error);

#endif
