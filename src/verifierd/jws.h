/* SPDX-License-Identifier: Apache-2.0 */
/* Signed JSON in its compact form (RFC 7515): ES256 and ES384, whose signatures are r || s. */
#ifndef VSA_VERIFIERD_JWS_H
#define VSA_VERIFIERD_JWS_H

#include <jansson.h>

#include "crypto/key.h"

/* Returns "ES256" or "ES384"; NULL for other curves. */
const char *vsa_jws_algorithm(enum vsa_curve curve);

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

#endif
