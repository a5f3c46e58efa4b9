/* SPDX-License-Identifier: Apache-2.0 */
/* EC keys on the NIST curves, ECDSA as COSE writes it: r || s, fixed width (RFC 9053 section 2.1).
 */
#ifndef VSA_CRYPTO_KEY_H
#define VSA_CRYPTO_KEY_H

#include "base/cleanup.h"
#include <vsattest/base.h>

/* Each with its hash: P-256 and SHA-256, P-384 and SHA-384, P-521 and SHA-512. */
enum vsa_curve { VSA_CURVE_NONE = 0, VSA_CURVE_P256, VSA_CURVE_P384, VSA_CURVE_P521 };

#define VSA_MAX_SIGNATURE_SIZE 132
/* DER SubjectPublicKeyInfo: 91, 120 or 158 bytes. */
#define VSA_MAX_EC_SPKI 158
/* PEM and DER keys on these curves are below 1 KiB; certificates of a key file may come along. */
#define VSA_MAX_KEY_FILE 65536

/* Returns the bytes of r || s: 64, 96 or 132; 0 for VSA_CURVE_NONE. */
size_t vsa_curve_signature_size(enum vsa_curve curve);

/* A public key, with or without its private half. Private halves are wiped when freed. */
struct vsa_key;

void vsa_key_free(struct vsa_key *key);
VSA_DEFINE_CLEANUP(struct vsa_key, vsa_key_free, vsa_cleanup_key);

enum vsa_curve vsa_key_curve(const struct vsa_key *key);

VSA_MUST_USE enum vsa_status vsa_key_generate(enum vsa_curve curve, struct vsa_key **key,
                                              struct vsa_error *error);

/* Writes the private key as PKCS#8 DER into the caller's buffer; the caller wipes it. */
VSA_MUST_USE enum vsa_status vsa_key_write_private(const struct vsa_key *key, uint8_t *buffer,
                                                   size_t capacity, struct vsa_slice *der,
                                                   struct vsa_error *error);
/* Reads a private key from PEM or DER (PKCS#8 or SEC 1), not encrypted. */
VSA_MUST_USE enum vsa_status vsa_key_read_private(struct vsa_slice encoded, struct vsa_key **key,
                                                  struct vsa_error *error);

/* Writes DER SubjectPublicKeyInfo with the named curve (RFC 5480). */
VSA_MUST_USE enum vsa_status vsa_key_write_public(const struct vsa_key *key, uint8_t *buffer,
                                                  size_t capacity, struct vsa_slice *spki,
                                                  struct vsa_error *error);

/*
 * Reads what vsa_key_write_public() writes of a key, and nothing else: DER, one of the three named
 * curves, an uncompressed point that is on it.
 *
 * spki  in: hostile, at most VSA_MAX_EC_SPKI bytes
 *
 * Errors: VSA_ERR_CERTIFICATE_SYNTAX, VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_key_read_public(struct vsa_slice spki, struct vsa_key **key,
                                                 struct vsa_error *error);

/*
 * Makes a public key of an uncompressed point (SEC 1 section 2.3.3) of the curve. `like` is a key
 * on the same curve, whose parameters the new one takes over, which is faster; NULL, or a key on
 * another curve, if there is none. Errors: VSA_ERR_CERTIFICATE_SYNTAX where the point is not on the
 * curve.
 */
VSA_MUST_USE enum vsa_status vsa_key_from_point(enum vsa_curve curve, struct vsa_slice point,
                                                const struct vsa_key *like, struct vsa_key **key,
                                                struct vsa_error *error);

/* Signs the concatenated parts. `signature` has room for vsa_curve_signature_size() bytes. */
VSA_MUST_USE enum vsa_status vsa_key_sign(const struct vsa_key *key, const struct vsa_slice *parts,
                                          size_t count, uint8_t *signature,
                                          struct vsa_error *error);
/*
 * Writes a signature of `key` as r || s into `raw`, which has VSA_MAX_SIGNATURE_SIZE bytes. It is
 * r || s already, or DER (ECDSA-Sig-Value), as openssl and most HSMs write it; nothing is verified.
 * Errors: VSA_ERR_ARGUMENT.
 */
VSA_MUST_USE enum vsa_status vsa_key_read_signature(const struct vsa_key *key,
                                                    struct vsa_slice signature, uint8_t *raw,
                                                    struct vsa_error *error);
/*
 * Verifies `signature` (exactly the curve's size) over the concatenated parts.
 * Errors: VSA_ERR_SIGNATURE. High-S values are accepted, as AWS makes them.
 */
VSA_MUST_USE enum vsa_status vsa_key_verify(const struct vsa_key *key,
                                            const struct vsa_slice *parts, size_t count,
                                            struct vsa_slice signature, struct vsa_error *error);

#endif
