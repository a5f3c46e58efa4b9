/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/key_config.h"

#include <string.h>

#include "base/error.h"
#include "base/slice.h"

static uint16_t read_number(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

size_t vsa_key_config_write(const struct vsa_key_config *config, uint8_t *user_data)
{
    const struct vsa_hpke_suite *suite = config->suite;
    uint8_t *at = user_data;
    memcpy(at, VSA_SEAL_PURPOSE, VSA_SEAL_PURPOSE_SIZE);
    at += VSA_SEAL_PURPOSE_SIZE;
    *at++ = config->key_id;
    at = vsa_hpke_write_number(at, suite->kem);
    memcpy(at, config->public_key, suite->enc_size);
    at = vsa_hpke_write_number(at + suite->enc_size, 4); /* bytes of one suite's KDF and AEAD */
    at = vsa_hpke_write_number(at, suite->kdf);
    at = vsa_hpke_write_number(at, suite->aead);
    return (size_t)(at - user_data);
}

static bool is_same_key(const struct vsa_key_config *config, struct vsa_slice public_key)
{
    uint8_t spki[VSA_MAX_DH_SPKI];
    size_t size = vsa_dh_write_spki(config->suite->group, config->public_key, spki);
    return vsa_slice_equal(public_key, vsa_slice_of(spki, size));
}

enum vsa_status vsa_key_config_read(struct vsa_slice user_data, struct vsa_slice public_key,
                                    struct vsa_key_config *config, struct vsa_error *error)
{
    static const char rule[] = "RFC 9458 section 3.1";
    static const size_t head_size = VSA_SEAL_PURPOSE_SIZE + 1 + 2;
    uint8_t written[VSA_SEAL_PURPOSE_SIZE + VSA_MAX_KEY_CONFIG];
    struct vsa_key_config read;
    if (user_data.size < head_size ||
        memcmp(user_data.data, VSA_SEAL_PURPOSE, VSA_SEAL_PURPOSE_SIZE) != 0)
        return vsa_fail_at(error, VSA_ERR_FIELD, 0, "docs/PROTOCOL.md, sealed requests",
                           "user data of the document is not about a sealing key");
    read.key_id = user_data.data[VSA_SEAL_PURPOSE_SIZE];
    read.suite = vsa_hpke_find_suite(read_number(user_data.data + head_size - 2));
    if (!read.suite)
        return vsa_fail_at(error, VSA_ERR_FIELD, head_size - 2, rule,
                           "the sealing key is for a KEM that is not supported");
    if (user_data.size != head_size + read.suite->enc_size + 6)
        return vsa_fail_at(error, VSA_ERR_FIELD, head_size, rule,
                           "a key configuration of %zu bytes", user_data.size);
    memcpy(read.public_key, user_data.data + head_size, read.suite->enc_size);
    /* One meaning, one spelling: what is left can only be as we write it. */
    if (!vsa_slice_equal(user_data, vsa_slice_of(written, vsa_key_config_write(&read, written))))
        return vsa_fail_at(error, VSA_ERR_FIELD, head_size + read.suite->enc_size, rule,
                           "the sealing key is not for exactly the one suite of its KEM");
    if (!is_same_key(&read, public_key))
        return vsa_fail_at(error, VSA_ERR_FIELD, head_size, rule,
                           "public key and sealing key of the document differ");
    *config = read;
    return VSA_OK;
}
