/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature checks in two steps: what is checked is collected first, and checked later, so that
 * several checks can run together (crypto/multibuffer.h), and documents that have a certificate in
 * common share its check.
 */
#ifndef VSA_CRYPTO_SIGNATURE_CHECK_H
#define VSA_CRYPTO_SIGNATURE_CHECK_H

#include <stdbool.h>

#include "crypto/key.h"

/* Bytes of the longest digest that a curve goes with: SHA-512. */
#define VSA_MAX_SIGNED_DIGEST 64

/* One check. It holds no memory. */
struct vsa_signature_check {
    const struct vsa_key *key;                 /* borrowed */
    uint8_t digest[VSA_MAX_SIGNED_DIGEST];     /* by the curve's hash */
    uint8_t signature[VSA_MAX_SIGNATURE_SIZE]; /* r || s, of the curve's size */
    bool verified;                             /* false until the signature was found good */
};

/*
 * Collects the check of `signature` (exactly the curve's size) over the concatenated parts.
 * Errors: VSA_ERR_SIGNATURE for another size, VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_signature_check_prepare(const struct vsa_key *key,
                                                         const struct vsa_slice *parts,
                                                         size_t count, struct vsa_slice signature,
                                                         struct vsa_signature_check *check,
                                                         struct vsa_error *error);

/*
 * Verifies the signature, unless that was done already. Errors: VSA_ERR_SIGNATURE, VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_signature_check_run(struct vsa_signature_check *check,
                                                     struct vsa_error *error);

#endif
