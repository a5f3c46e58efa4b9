/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diffie-Hellman as the KEMs of HPKE need it (RFC 9180 section 4.1): X25519 (RFC 7748), and ECDH on
 * P-256 and P-384 (SEC 1), whose public keys are uncompressed points.
 */
#ifndef VSA_CRYPTO_ECDH_H
#define VSA_CRYPTO_ECDH_H

#include "base/cleanup.h"
#include <vsattest/base.h>

enum vsa_dh_group { VSA_DH_X25519, VSA_DH_P256, VSA_DH_P384 };

#define VSA_MAX_DH_PUBLIC 97
#define VSA_MAX_DH_SECRET 48
/* A SubjectPublicKeyInfo: 44, 91 or 120 bytes. */
#define VSA_MAX_DH_SPKI 120

/* Returns the bytes of a public key: 32, 65 or 97. */
size_t vsa_dh_public_size(enum vsa_dh_group group);
/* Returns the bytes of a private key and of a shared secret: 32, 32 or 48. */
size_t vsa_dh_secret_size(enum vsa_dh_group group);

/* A private key, wiped when it is freed. */
struct vsa_dh_key;

void vsa_dh_key_free(struct vsa_dh_key *key);
VSA_DEFINE_CLEANUP(struct vsa_dh_key, vsa_dh_key_free, vsa_cleanup_dh_key);

/* Makes a fresh key. Errors: VSA_ERR_CRYPTO, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_dh_key_generate(enum vsa_dh_group group, struct vsa_dh_key **key,
                                                 struct vsa_error *error);
/*
 * Makes a key of its raw scalar (big-endian for the NIST curves), for known answers.
 * Errors: VSA_ERR_ARGUMENT, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_dh_key_from_scalar(enum vsa_dh_group group,
                                                    struct vsa_slice scalar,
                                                    struct vsa_dh_key **key,
                                                    struct vsa_error *error);

/* Writes vsa_dh_public_size() bytes. */
void vsa_dh_public(const struct vsa_dh_key *key, uint8_t *public_key);

/*
 * Writes the shared secret, vsa_dh_secret_size() bytes; the caller wipes it.
 *
 * peer  in: the other one's public key, hostile
 *
 * Errors: VSA_ERR_SEALED (no point of the curve, wrong size, or with X25519 a secret of zeros: RFC
 * 7748 section 6.1), VSA_ERR_CRYPTO (memory is short: which says nothing of the peer).
 */
VSA_MUST_USE enum vsa_status vsa_dh_derive(const struct vsa_dh_key *key, struct vsa_slice peer,
                                           uint8_t *secret, struct vsa_error *error);

/*
 * Writes the DER SubjectPublicKeyInfo (RFC 8410 section 4, RFC 5480 section 2) of a public key of
 * vsa_dh_public_size() bytes into `spki`, which has VSA_MAX_DH_SPKI bytes. Returns its size.
 */
size_t vsa_dh_write_spki(enum vsa_dh_group group, const uint8_t *public_key, uint8_t *spki);

#endif
