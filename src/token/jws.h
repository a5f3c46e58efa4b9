/* SPDX-License-Identifier: Apache-2.0 */
/* Signed JSON in its compact form (RFC 7515): ES256 and ES384, whose signatures are r || s. */
#ifndef VSA_TOKEN_JWS_H
#define VSA_TOKEN_JWS_H

#include <jansson.h>

#include "crypto/key.h"

/* Bytes of a token: its claims hold a document's nonce, user data and key, 1 KiB each, and PCRs. */
#define VSA_MAX_TOKEN 32768

/*
 * Signs the claims, compact and with sorted members.
 *
 * type   in: the header's "typ"
 * token  out: "header.claims.signature", the caller's, freed with free()
 *
 * Errors: VSA_ERR_ARGUMENT for a key on another curve, VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_jws_sign(const struct vsa_key *key, const char *key_id,
                                          const char *type, const json_t *claims, char **token,
                                          struct vsa_error *error);

/*
 * Verifies a token with the key that its header names.
 *
 * token   in: hostile; more than VSA_MAX_TOKEN bytes are refused
 * type    in: what the header's "typ" must be
 * keys    in: the keys to trust, {"keys": [...]} (token/jwk.h)
 * claims  out: what is signed, an object; new reference
 *
 * Errors: VSA_ERR_TOKEN: not of this form, another type or algorithm, no such key, a signature that
 * does not verify; VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_jws_verify(struct vsa_slice token, const char *type,
                                            const json_t *keys, json_t **claims,
                                            struct vsa_error *error);

#endif
