/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of one enclave over time: is it still the one that verified first? */
#ifndef VSA_ATTESTATION_CONTINUITY_H
#define VSA_ATTESTATION_CONTINUITY_H

#include <vsattest/attestation.h>

/* The first document's PCRs and module ID. Zeroed: there was none. */
struct vsa_continuity {
    bool has_first;
    struct vsa_claims first; /* these two members; borrows from here */
    uint8_t module_id[VSA_MAX_MODULE_ID];
};

/*
 * Keeps the claims if they are the first, and compares them with the first. Another module ID is an
 * enclave that was started anew, and PCR16 to PCR31 belong to the program: both are no failure.
 *
 * claims   in: of a document that verified; copied
 * changes  out: all that differs
 *
 * Errors: VSA_ERR_PCR_MISMATCH for PCR0 to PCR15: another image or place.
 */
VSA_MUST_USE enum vsa_status vsa_continuity_check(struct vsa_continuity *continuity,
                                                  const struct vsa_claims *claims,
                                                  struct vsa_claims_difference *changes,
                                                  struct vsa_error *error);

#endif
