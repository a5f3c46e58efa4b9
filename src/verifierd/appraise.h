/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a verification to a trustworthiness vector (draft-ietf-rats-ar4si): a pure function.
 * docs/SERVICE.md, "What the values mean", is its table.
 */
#ifndef VSA_VERIFIERD_APPRAISE_H
#define VSA_VERIFIERD_APPRAISE_H

#include "token/trust.h"
#include <vsattest/attestation.h>

/* What a policy expects of a genuine document. All borrowed. */
struct vsa_appraisal_rules {
    const struct vsa_measurements *images; /* one of them, in all its PCRs */
    size_t image_count;                    /* 0: not compared */
    struct vsa_pcrs platform;              /* PCR3, PCR4, PCR8 as far as named */
    struct vsa_slice instance;             /* ID; PCR4 of it is in `platform`; absent: any */
    struct vsa_slice user_data;            /* absent: any */
    bool public_key_required;
    bool allow_debug; /* debug mode is a warning only */
};

#define VSA_MAX_APPRAISAL_REASONS 8

struct vsa_appraisal {
    int8_t vector[VSA_TRUST_ENTRIES];     /* 0: no claim */
    enum vsa_trust_tier status;           /* the worst of the vector's */
    const struct vsa_measurements *image; /* that matched, borrowed from the rules; or NULL */
    size_t reason_count;
    enum vsa_status reasons[VSA_MAX_APPRAISAL_REASONS]; /* why it is not affirming */
};

/*
 * Appraises what vsa_verify() returned without expectations but the time.
 *
 * verified   in: VSA_OK, or a status of class trust
 * claims     in: with VSA_OK
 * appraisal  out
 */
void vsa_appraise(enum vsa_status verified, const struct vsa_claims *claims,
                  const struct vsa_appraisal_rules *rules, struct vsa_appraisal *appraisal);

#endif
