/* SPDX-License-Identifier: Apache-2.0 */
/* What the relying party expects, compared with what a genuine document says. */
#ifndef VSA_ATTESTATION_POLICY_H
#define VSA_ATTESTATION_POLICY_H

#include "attestation/pcrs.h"

/*
 * Copies a caller's policy, which an older or newer program may have made, and checks that it makes
 * sense. Errors: class usage, VSA_ERR_TOO_MANY.
 */
VSA_MUST_USE enum vsa_status vsa_policy_read(const struct vsa_policy *given,
                                             struct vsa_policy *policy, struct vsa_error *error);

/*
 * Checks that `document` is as expected at `now_ms`. `*image`: the member of the policy's
 * measurements that it matches, or NULL. Errors: class policy.
 */
VSA_MUST_USE enum vsa_status vsa_policy_apply(const struct vsa_policy *policy,
                                              const struct vsa_unverified_document *document,
                                              int64_t now_ms, const struct vsa_measurements **image,
                                              struct vsa_error *error);

/* Returns whether PCR0 is all zero, as in an enclave in debug mode. */
bool vsa_pcrs_show_debug_mode(const struct vsa_pcrs *pcrs);

#endif
