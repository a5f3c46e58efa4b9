/* SPDX-License-Identifier: Apache-2.0 */
/* Expected PCRs against those of a document: one set, and any one of several. */
#ifndef VSA_ATTESTATION_PCRS_H
#define VSA_ATTESTATION_PCRS_H

#include <vsattest/attestation.h>

#define VSA_RULE_PCRS "AWS user guide, set up attestation"

static inline struct vsa_slice vsa_pcr_value(const struct vsa_pcrs *pcrs, unsigned index)
{
    return vsa_slice_of(pcrs->value[index], VSA_PCR_SIZE);
}

static inline bool vsa_has_pcr(const struct vsa_pcrs *pcrs, unsigned index)
{
    return pcrs->present & UINT32_C(1) << index;
}

/*
 * Computes SHA384(48 zero bytes || text): how Nitro measures the IAM role's ARN (PCR3) and the
 * instance ID (PCR4). Errors: VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status
vsa_pcr_measure_text(struct vsa_slice text, uint8_t value[VSA_PCR_SIZE], struct vsa_error *error);

/* What is expected and not so: bit n is PCR n. */
struct vsa_pcr_difference {
    uint32_t differ;
    uint32_t missing;
};

struct vsa_pcr_difference vsa_pcrs_compare(const struct vsa_pcrs *expected,
                                           const struct vsa_pcrs *found);

/* Compares the policy's PCRs and measurements. Errors: VSA_ERR_PCR_MISMATCH, VSA_ERR_PCR_MISSING.
 */
VSA_MUST_USE enum vsa_status vsa_policy_match_pcrs(const struct vsa_policy *policy,
                                                   const struct vsa_pcrs *found,
                                                   const struct vsa_measurements **image,
                                                   struct vsa_error *error);

#define VSA_PLACE_SIZE 80
/* Writes where the policy's measurements `index` are from, for an error. Returns `text`. */
const char *vsa_measurements_place(const struct vsa_policy *policy, size_t index,
                                   char text[VSA_PLACE_SIZE]);

#endif
