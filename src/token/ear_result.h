/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation results as a relying party reads them: claims of a token whose signature verified. */
#ifndef VSA_TOKEN_EAR_RESULT_H
#define VSA_TOKEN_EAR_RESULT_H

#include <jansson.h>

#include "token/trust.h"

/* The service's clock and ours may differ by so much, in ms: as clocks of its replicas may. */
#define VSA_TOKEN_MAX_SKEW_MS (60 * 1000)

/* What the token must be about. All borrowed. */
struct vsa_ear_expected {
    struct vsa_slice challenge; /* text that the service sent for this document */
    const char *policy;         /* name */
    const char *audience;       /* NULL: the token must have none */
    int64_t now_ms;             /* Unix time */
};

struct vsa_ear_result {
    enum vsa_trust_tier status;
    /* Why it is not affirming, of class trust or policy; VSA_OK if it is. */
    enum vsa_status reason;
};

/*
 * Checks that the claims are a result about this challenge, by this policy and for this audience,
 * that it holds now, and that no status in it is better than its vector.
 *
 * claims  in: hostile but for their signature
 * result  out: set on success, which says nothing of the status
 *
 * Errors: VSA_ERR_TOKEN, which names the claim.
 */
VSA_MUST_USE enum vsa_status vsa_ear_read(const json_t *claims,
                                          const struct vsa_ear_expected *expected,
                                          struct vsa_ear_result *result, struct vsa_error *error);

/* Returns the submodule of claims that vsa_ear_read() took, borrowed. */
const json_t *vsa_ear_submodule(const json_t *claims);

#endif
