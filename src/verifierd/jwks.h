/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service's signing keys: which one signs, and all of them as they are published
 * (token/jwk.h).
 */
#ifndef VSA_VERIFIERD_JWKS_H
#define VSA_VERIFIERD_JWKS_H

#include <jansson.h>

#include "token/jwk.h"
#include "verifierd/limits.h"

struct vsa_signing_key {
    struct vsa_key *key; /* on P-256 or P-384 */
    char id[VSA_KEY_ID_SIZE];
    int64_t since_ms; /* when it was published first, Unix */
};

struct vsa_signing_keys {
    size_t count;
    struct vsa_signing_key keys[VSA_MAX_SIGNING_KEYS];
};

/*
 * Reads all *.pem of a directory. A name like "20261201T1200Z.pem" says from when on the key signs
 * (UTC), and so that it is published VSA_KEY_LEAD_MS before; a prefix that ends with '_' may stand
 * before the time, as where systemd loads a directory as credentials. Other keys are published
 * since their file's time, which is another one in each replica where files are copied.
 *
 * keys  out: freed with vsa_signing_keys_free(), also on failure
 *
 * Errors name the file: VSA_ERR_IO, VSA_ERR_ARGUMENT (another curve, none at all, one twice),
 * VSA_ERR_TOO_MANY, those of vsa_key_read_private().
 */
VSA_MUST_USE enum vsa_status vsa_signing_keys_load(const char *directory,
                                                   struct vsa_signing_keys *keys,
                                                   struct vsa_error *error);

/* Makes a key on P-256 for this process alone. Errors: VSA_ERR_CRYPTO, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_signing_keys_generate(struct vsa_signing_keys *keys,
                                                       struct vsa_error *error);

/* Adds a key, which it takes over, also on failure. Errors: VSA_ERR_ARGUMENT, VSA_ERR_TOO_MANY. */
VSA_MUST_USE enum vsa_status vsa_signing_keys_add(struct vsa_signing_keys *keys,
                                                  struct vsa_key *key, int64_t since_ms,
                                                  struct vsa_error *error);

void vsa_signing_keys_free(struct vsa_signing_keys *keys);

/*
 * Returns the key to sign with: the newest that has been published for VSA_KEY_LEAD_MS, so that
 * every reader has it by now; the oldest if none has.
 */
const struct vsa_signing_key *vsa_signing_keys_choose(const struct vsa_signing_keys *keys,
                                                      int64_t now_ms);

/* Returns {"keys": [...]}. New reference; NULL when memory is short. */
json_t *vsa_signing_keys_to_json(const struct vsa_signing_keys *keys);

#endif
