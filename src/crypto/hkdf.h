/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC (RFC 2104), and the extract-and-expand key derivation on it (RFC 5869). */
#ifndef VSA_CRYPTO_HKDF_H
#define VSA_CRYPTO_HKDF_H

#include <vsattest/base.h>

enum vsa_hash { VSA_HASH_SHA256, VSA_HASH_SHA384 };

#define VSA_MAX_HASH_SIZE 48

/* Returns the bytes of a digest, and so of a pseudorandom key: 32 or 48. */
size_t vsa_hash_size(enum vsa_hash hash);

/*
 * Computes the MAC of the concatenated parts.
 *
 * key  in: may be empty
 * mac  out: vsa_hash_size() bytes. Zeroed on failure
 *
 * Errors: VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_hmac(enum vsa_hash hash, struct vsa_slice key,
                                      const struct vsa_slice *parts, size_t count, uint8_t *mac,
                                      struct vsa_error *error);

/*
 * Computes HKDF-Extract (section 2.2) of the concatenated parts.
 *
 * salt  in: may be empty, which is the same as a digest's size of zeros
 * prk   out: vsa_hash_size() bytes; the caller wipes them. Zeroed on failure
 *
 * Errors: VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_hkdf_extract(enum vsa_hash hash, struct vsa_slice salt,
                                              const struct vsa_slice *parts, size_t count,
                                              uint8_t *prk, struct vsa_error *error);

/*
 * Computes HKDF-Expand (section 2.3); the info is the concatenated parts.
 *
 * prk     in: vsa_hash_size() bytes
 * output  out: `size` bytes, at most 255 digests; the caller wipes them. Zeroed on failure
 *
 * Errors: VSA_ERR_CRYPTO; VSA_ERR_TOO_LARGE.
 */
VSA_MUST_USE enum vsa_status vsa_hkdf_expand(enum vsa_hash hash, const uint8_t *prk,
                                             const struct vsa_slice *parts, size_t count,
                                             uint8_t *output, size_t size, struct vsa_error *error);

#endif
