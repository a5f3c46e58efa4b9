/* SPDX-License-Identifier: Apache-2.0 */
/* A key, a message and its signature, as tests of signature checks need them. */
#ifndef VSA_TESTS_SIGNATURE_LANE_H
#define VSA_TESTS_SIGNATURE_LANE_H

#include "crypto/signature_check.h"

struct lane {
    struct vsa_key *key;
    uint8_t message[40];
    uint8_t signature[VSA_MAX_SIGNATURE_SIZE];
    struct vsa_signature_check check;
};

/* n of P-384: r and s are below it (FIPS 186-5 section 6.4.2). */
extern const uint8_t lane_order[48];

struct vsa_slice lane_message(const struct lane *lane);

/* Makes the key, and signs a message of bytes `number`. The key is the caller's to free. */
void lane_set_up(struct lane *lane, enum vsa_curve curve, uint8_t number);

/* Collects the check of the signature as it is now, of a message in two parts. */
void lane_prepare(struct lane *lane);

#endif
