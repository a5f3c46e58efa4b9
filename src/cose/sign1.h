/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1 (RFC 9052 section 4.2) as Nitro writes it, both directions. */
#ifndef VSA_COSE_SIGN1_H
#define VSA_COSE_SIGN1_H

#include "crypto/signature_check.h"
#include <vsattest/base.h>

/* Algorithms of RFC 9053 section 2.1. */
#define VSA_COSE_ES256 (-7)
#define VSA_COSE_ES384 (-35)
#define VSA_COSE_ES512 (-36)

#define VSA_COSE_TAG_SIGN1 18

/* Returns the algorithm that keys on `curve` sign with; ES384 for VSA_CURVE_NONE. */
int64_t vsa_cose_algorithm_of(enum vsa_curve curve);

/*
 * What is signed besides the payload. Nitro has neither: NULL where a function takes one. Borrowed;
 * together at most VSA_COSE_MAX_CONTEXT bytes.
 */
struct vsa_cose_context {
    struct vsa_slice key_id;       /* header parameter 4 (RFC 9052 section 3.1); absent for none */
    struct vsa_slice external_aad; /* of Sig_structure (section 4.4), which is not sent */
};

#define VSA_COSE_MAX_CONTEXT 512

/* All slices borrow from the parsed bytes. */
struct vsa_cose_sign1 {
    int64_t algorithm;
    struct vsa_slice protected_header; /* the bytes that are signed */
    struct vsa_slice key_id;           /* absent, but of vsa_cose_sign1_parse_with_key_id() */
    struct vsa_slice payload;
    struct vsa_slice signature;
};

/*
 * Parses a COSE_Sign1: untagged or tag 18; a protected header of exactly {1: alg}; an empty
 * unprotected map; nothing after it. The algorithm must be `algorithm` and the signature must have
 * its exact size. Errors: class syntax, VSA_ERR_COSE, VSA_ERR_ALGORITHM, VSA_ERR_SIGNATURE_SIZE.
 */
VSA_MUST_USE enum vsa_status vsa_cose_sign1_parse(struct vsa_slice bytes, int64_t algorithm,
                                                  struct vsa_cose_sign1 *sign1,
                                                  struct vsa_error *error);

/* Parses the same, but untagged only, and the protected header is exactly {1: alg, 4: key ID}. */
VSA_MUST_USE enum vsa_status vsa_cose_sign1_parse_with_key_id(struct vsa_slice bytes,
                                                              int64_t algorithm,
                                                              struct vsa_cose_sign1 *sign1,
                                                              struct vsa_error *error);

/*
 * Verifies the signature over Sig_structure (RFC 9052 section 4.4) with `key`.
 *
 * external_aad  in: absent for none
 *
 * Errors: VSA_ERR_SIGNATURE.
 */
VSA_MUST_USE enum vsa_status vsa_cose_sign1_verify(const struct vsa_cose_sign1 *sign1,
                                                   struct vsa_slice external_aad,
                                                   const struct vsa_key *key,
                                                   struct vsa_error *error);

/*
 * Collects the check that vsa_cose_sign1_verify() makes, which is this and
 * vsa_signature_check_run(). Errors: VSA_ERR_SIGNATURE, VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_cose_sign1_prepare_check(const struct vsa_cose_sign1 *sign1,
                                                          struct vsa_slice external_aad,
                                                          const struct vsa_key *key,
                                                          struct vsa_signature_check *check,
                                                          struct vsa_error *error);

/* Writes an untagged COSE_Sign1 over `payload`; the algorithm follows from the key's curve. */
VSA_MUST_USE enum vsa_status vsa_cose_sign1_sign(const struct vsa_key *key,
                                                 const struct vsa_cose_context *context,
                                                 struct vsa_slice payload, uint8_t *buffer,
                                                 size_t capacity, struct vsa_slice *sign1,
                                                 struct vsa_error *error);

/*
 * Writes Sig_structure, the bytes that a signature over `payload` is made of.
 * Errors: VSA_ERR_BUFFER.
 */
VSA_MUST_USE enum vsa_status vsa_cose_sign1_to_be_signed(enum vsa_curve curve,
                                                         struct vsa_slice payload, uint8_t *buffer,
                                                         size_t capacity, struct vsa_slice *bytes,
                                                         struct vsa_error *error);

/* Writes an untagged COSE_Sign1 around an existing signature, r || s. Errors: VSA_ERR_BUFFER. */
VSA_MUST_USE enum vsa_status vsa_cose_sign1_write(enum vsa_curve curve, struct vsa_slice payload,
                                                  const uint8_t *signature, uint8_t *buffer,
                                                  size_t capacity, struct vsa_slice *sign1,
                                                  struct vsa_error *error);

#endif
