/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation results as claims (draft-ietf-rats-ear-04): what a token of the service says. */
#ifndef VSA_VERIFIERD_EAR_H
#define VSA_VERIFIERD_EAR_H

#include <jansson.h>

#include "token/ear_names.h"
#include "verifierd/appraise.h"

/* All borrowed. */
struct vsa_ear {
    const char *issuer; /* NULL: none */
    const char *policy_id;
    struct vsa_slice audience;  /* UTF-8; absent: none */
    struct vsa_slice challenge; /* text; absent: none was redeemed */
    int64_t now_ms;             /* one time for all */
    const struct vsa_appraisal *appraisal;
    const struct vsa_claims *claims; /* NULL: the document is not genuine */
};

/* Returns the claims of the token. New reference; NULL when memory is short. */
json_t *vsa_ear_to_json(const struct vsa_ear *ear);

#endif
