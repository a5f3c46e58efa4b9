/* SPDX-License-Identifier: Apache-2.0 */
/* AES-128-GCM and AES-256-GCM with a 16-byte tag at the end (RFC 5116 sections 5.1 and 5.2). */
#ifndef VSA_CRYPTO_AEAD_H
#define VSA_CRYPTO_AEAD_H

#include <vsattest/base.h>

#define VSA_AEAD_NONCE_SIZE 12
#define VSA_AEAD_TAG_SIZE   16

/*
 * Encrypts and authenticates.
 *
 * key     in: 16 or 32 bytes
 * nonce   in: VSA_AEAD_NONCE_SIZE bytes, never used before with this key
 * sealed  out: plaintext.size + VSA_AEAD_TAG_SIZE bytes; may not overlap the plaintext
 *
 * Errors: VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_aead_seal(struct vsa_slice key, const uint8_t *nonce,
                                           struct vsa_slice aad, struct vsa_slice plaintext,
                                           uint8_t *sealed, struct vsa_error *error);

/*
 * Decrypts what vsa_aead_seal() made.
 *
 * plaintext  out: sealed.size - VSA_AEAD_TAG_SIZE bytes; wiped unless the tag is right
 *
 * Errors: VSA_ERR_SEALED (another key, nonce, associated data or text, or too short).
 */
VSA_MUST_USE enum vsa_status vsa_aead_open(struct vsa_slice key, const uint8_t *nonce,
                                           struct vsa_slice aad, struct vsa_slice sealed,
                                           uint8_t *plaintext, struct vsa_error *error);

#endif
