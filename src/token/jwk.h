/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys as they are published: JSON Web Keys (RFC 7517, RFC 7518 section 6.2) on P-256 and
 * P-384, named by their thumbprints (RFC 7638).
 */
#ifndef VSA_TOKEN_JWK_H
#define VSA_TOKEN_JWK_H

#include <jansson.h>

#include "crypto/key.h"

/* 43 characters of base64url and a NUL. */
#define VSA_KEY_ID_SIZE 44
/* Keys of a set that are looked at: more than any service has in use at once. */
#define VSA_MAX_JWKS 32

/* Returns "ES256" or "ES384"; NULL for other curves. */
const char *vsa_jwk_algorithm(enum vsa_curve curve);

/* Writes the key's thumbprint. Errors: VSA_ERR_CRYPTO, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_jwk_thumbprint(const struct vsa_key *key, char id[VSA_KEY_ID_SIZE],
                                                struct vsa_error *error);

/* Returns the public key under this name. New reference; NULL when it cannot be made. */
json_t *vsa_jwk_to_json(const struct vsa_key *key, const char *id);

/*
 * Finds the key of that name and curve in a set and reads it.
 *
 * set  in: {"keys": [...]}, hostile
 * key  out: freed with vsa_key_free()
 *
 * Errors: VSA_ERR_TOKEN: no such key, one that is malformed or for another purpose;
 * VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_jwk_find(const json_t *set, struct vsa_slice id,
                                          enum vsa_curve curve, struct vsa_key **key,
                                          struct vsa_error *error);

#endif
