/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an enclave's document says of its sealing key: in `user_data` the purpose and the key
 * configuration of RFC 9458 section 3.1 with exactly one suite, in `public_key` the same key once
 * more as SubjectPublicKeyInfo. See docs/PROTOCOL.md.
 */
#ifndef VSA_SEAL_KEY_CONFIG_H
#define VSA_SEAL_KEY_CONFIG_H

#include "hpke/hpke.h"

/* VSA_RESERVED_PREFIX, the purpose, version 1. */
#define VSA_SEAL_PURPOSE      "\0vsattest\0seal\0\1"
#define VSA_SEAL_PURPOSE_SIZE 16

/* Key ID, KEM, public key, size of one suite, KDF and AEAD: 41, 74 or 106 bytes. */
#define VSA_MAX_KEY_CONFIG (1 + 2 + VSA_HPKE_MAX_ENC + 2 + 2 + 2)

struct vsa_key_config {
    uint8_t key_id;
    const struct vsa_hpke_suite *suite;   /* static */
    uint8_t public_key[VSA_HPKE_MAX_ENC]; /* suite->enc_size bytes */
};

/*
 * Writes the purpose and the configuration into `user_data`, which has VSA_SEAL_PURPOSE_SIZE +
 * VSA_MAX_KEY_CONFIG bytes. Returns their size.
 */
size_t vsa_key_config_write(const struct vsa_key_config *config, uint8_t *user_data);

/*
 * Reads what vsa_key_config_write() writes, and nothing else.
 *
 * user_data   in: of a document
 * public_key  in: of the same document
 * config      out: set on success
 *
 * Errors: VSA_ERR_FIELD with the rule that is broken.
 */
VSA_MUST_USE enum vsa_status vsa_key_config_read(struct vsa_slice user_data,
                                                 struct vsa_slice public_key,
                                                 struct vsa_key_config *config,
                                                 struct vsa_error *error);

#endif
