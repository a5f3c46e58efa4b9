/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/exchange.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "crypto/sealed.h"

#define PADDING 256

void vsa_seal_exchange_wipe(struct vsa_seal_exchange *exchange)
{
    const char *label = exchange->label;
    vsa_wipe(exchange, sizeof(*exchange));
    exchange->label = label;
}

/* Returns max(Nn, Nk) of RFC 9458 section 4.4. */
static size_t reply_nonce_size(const struct vsa_hpke_suite *suite)
{
    return suite->key_size > VSA_AEAD_NONCE_SIZE ? suite->key_size : VSA_AEAD_NONCE_SIZE;
}

size_t vsa_seal_padded_size(size_t size)
{
    return (size + PADDING - 1) / PADDING * PADDING;
}

size_t vsa_seal_request_overhead(const struct vsa_hpke_suite *suite)
{
    return (size_t)VSA_SEAL_HEADER_SIZE + suite->enc_size + VSA_AEAD_TAG_SIZE;
}

size_t vsa_seal_reply_overhead(const struct vsa_hpke_suite *suite)
{
    return reply_nonce_size(suite) + VSA_AEAD_TAG_SIZE;
}

/* --- request (RFC 9458 section 4.3) ----------------------------------------------------------- */

void vsa_seal_write_header(const struct vsa_key_config *config,
                           uint8_t header[VSA_SEAL_HEADER_SIZE])
{
    header[0] = config->key_id;
    uint8_t *at = vsa_hpke_write_number(header + 1, config->suite->kem);
    at = vsa_hpke_write_number(at, config->suite->kdf);
    (void)vsa_hpke_write_number(at, config->suite->aead);
}

struct info {
    uint8_t bytes[VSA_SEAL_MAX_LABEL + sizeof(" response") + VSA_SEAL_HEADER_SIZE];
    size_t size;
};

/* Writes concat(encode(label + " request"), encode(0, 1), hdr). */
static struct info make_info(const char *label, const uint8_t header[VSA_SEAL_HEADER_SIZE])
{
    struct info info;
    int length =
        snprintf((char *)info.bytes, sizeof(info.bytes), "%.*s request", VSA_SEAL_MAX_LABEL, label);
    info.size = (size_t)length + 1; /* with the zero byte behind the text */
    memcpy(info.bytes + info.size, header, VSA_SEAL_HEADER_SIZE);
    info.size += VSA_SEAL_HEADER_SIZE;
    return info;
}

static enum vsa_status set_up_sender(const struct vsa_key_config *config,
                                     const struct vsa_dh_key *ephemeral, struct vsa_slice info,
                                     struct vsa_seal_exchange *exchange, struct vsa_error *error)
{
    struct vsa_slice recipient = vsa_slice_of(config->public_key, config->suite->enc_size);
    if (ephemeral)
        return vsa_hpke_setup_sender_with(config->suite, ephemeral, recipient, info, exchange->enc,
                                          &exchange->context, error);
    return vsa_hpke_setup_sender(config->suite, recipient, info, exchange->enc, &exchange->context,
                                 error);
}

enum vsa_status vsa_seal_begin_request(const struct vsa_key_config *config,
                                       const struct vsa_dh_key *ephemeral, uint8_t *sealed,
                                       struct vsa_seal_exchange *exchange, struct vsa_error *error)
{
    vsa_seal_write_header(config, sealed);
    struct info info = make_info(exchange->label, sealed);
    enum vsa_status status =
        set_up_sender(config, ephemeral, vsa_slice_of(info.bytes, info.size), exchange, error);
    if (status == VSA_OK)
        memcpy(sealed + VSA_SEAL_HEADER_SIZE, exchange->enc, config->suite->enc_size);
    else
        vsa_seal_exchange_wipe(exchange);
    return status;
}

enum vsa_status vsa_seal_end_request(struct vsa_seal_exchange *exchange, struct vsa_slice aad,
                                     struct vsa_slice plaintext, uint8_t *sealed,
                                     struct vsa_error *error)
{
    uint8_t *ciphertext = sealed + VSA_SEAL_HEADER_SIZE + exchange->context.suite->enc_size;
    enum vsa_status status = vsa_hpke_seal(&exchange->context, aad, plaintext, ciphertext, error);
    if (status != VSA_OK)
        vsa_seal_exchange_wipe(exchange);
    return status;
}

enum vsa_status vsa_seal_write_request(const struct vsa_key_config *config,
                                       const struct vsa_dh_key *ephemeral, struct vsa_slice aad,
                                       struct vsa_slice plaintext, uint8_t *sealed,
                                       struct vsa_seal_exchange *exchange, struct vsa_error *error)
{
    VSA_TRY(vsa_seal_begin_request(config, ephemeral, sealed, exchange, error));
    return vsa_seal_end_request(exchange, aad, plaintext, sealed, error);
}

enum vsa_status vsa_seal_read_request(const struct vsa_key_config *config,
                                      const struct vsa_dh_key *key, struct vsa_slice aad,
                                      struct vsa_slice sealed, uint8_t *plaintext,
                                      struct vsa_seal_exchange *exchange, struct vsa_error *error)
{
    size_t enc_size = config->suite->enc_size;
    uint8_t header[VSA_SEAL_HEADER_SIZE];
    vsa_seal_exchange_wipe(exchange);
    if (sealed.size < vsa_seal_request_overhead(config->suite))
        return vsa_fail(error, VSA_ERR_FIELD, "a sealed request of %zu bytes", sealed.size);
    vsa_seal_write_header(config, header);
    if (memcmp(sealed.data, header, sizeof(header)) != 0)
        return vsa_fail_sealed(error);
    struct info info = make_info(exchange->label, header);
    struct vsa_slice enc = vsa_slice_of(sealed.data + sizeof(header), enc_size);
    struct vsa_slice ciphertext = vsa_slice_of(sealed.data + sizeof(header) + enc_size,
                                               sealed.size - sizeof(header) - enc_size);
    memcpy(exchange->enc, enc.data, enc_size);
    enum vsa_status status = vsa_hpke_setup_recipient(
        config->suite, key, enc, vsa_slice_of(info.bytes, info.size), &exchange->context, error);
    if (status == VSA_OK)
        status = vsa_hpke_open(&exchange->context, aad, ciphertext, plaintext, error);
    if (status != VSA_OK)
        vsa_seal_exchange_wipe(exchange);
    return status;
}

/* --- reply (RFC 9458 section 4.4) ------------------------------------------------------------- */

struct reply_key {
    uint8_t key[VSA_HPKE_MAX_KEY];
    uint8_t nonce[VSA_AEAD_NONCE_SIZE];
};

/* Expands with the HKDF that has no labels of HPKE. */
static enum vsa_status expand_reply_key(const struct vsa_hpke_suite *suite, const uint8_t *prk,
                                        struct reply_key *made, struct vsa_error *error)
{
    struct vsa_slice key = vsa_slice_of_text("key");
    struct vsa_slice nonce = vsa_slice_of_text("nonce");
    VSA_TRY(vsa_hkdf_expand(suite->kdf_hash, prk, &key, 1, made->key, suite->key_size, error));
    return vsa_hkdf_expand(suite->kdf_hash, prk, &nonce, 1, made->nonce, sizeof(made->nonce),
                           error);
}

/*
 * Derives key and nonce of the reply. `nonce` has reply_nonce_size() bytes. The caller wipes
 * `made`, also on failure.
 */
static enum vsa_status derive_reply_key(const struct vsa_seal_exchange *exchange,
                                        const uint8_t *nonce, struct reply_key *made,
                                        struct vsa_error *error)
{
    const struct vsa_hpke_suite *suite = exchange->context.suite;
    size_t size = reply_nonce_size(suite);
    char purpose[VSA_SEAL_MAX_LABEL + sizeof(" response")];
    uint8_t salt[VSA_HPKE_MAX_ENC + VSA_HPKE_MAX_KEY];
    uint8_t secret[VSA_HPKE_MAX_KEY];
    uint8_t prk[VSA_MAX_HASH_SIZE];
    (void)snprintf(purpose, sizeof(purpose), "%.*s response", VSA_SEAL_MAX_LABEL, exchange->label);
    memcpy(salt, exchange->enc, suite->enc_size);
    memcpy(salt + suite->enc_size, nonce, size);
    struct vsa_slice ikm = vsa_slice_of(secret, size);
    enum vsa_status status =
        vsa_hpke_export(&exchange->context, vsa_slice_of_text(purpose), secret, size, error);
    if (status == VSA_OK)
        status = vsa_hkdf_extract(suite->kdf_hash, vsa_slice_of(salt, suite->enc_size + size), &ikm,
                                  1, prk, error);
    if (status == VSA_OK)
        status = expand_reply_key(suite, prk, made, error);
    vsa_wipe(secret, sizeof(secret));
    vsa_wipe(prk, sizeof(prk));
    return status;
}

enum vsa_status vsa_seal_write_reply(const struct vsa_seal_exchange *exchange, const uint8_t *nonce,
                                     struct vsa_slice plaintext, uint8_t *sealed,
                                     struct vsa_error *error)
{
    const struct vsa_hpke_suite *suite = exchange->context.suite;
    size_t size = reply_nonce_size(suite);
    struct reply_key key;
    if (nonce)
        memcpy(sealed, nonce, size);
    else
        VSA_TRY(vsa_random(sealed, size, error));
    enum vsa_status status = derive_reply_key(exchange, sealed, &key, error);
    if (status == VSA_OK)
        status = vsa_aead_seal(vsa_slice_of(key.key, suite->key_size), key.nonce,
                               vsa_slice_of(NULL, 0), plaintext, sealed + size, error);
    vsa_wipe(&key, sizeof(key));
    return status;
}

enum vsa_status vsa_seal_read_reply(const struct vsa_seal_exchange *exchange,
                                    struct vsa_slice sealed, uint8_t *plaintext,
                                    struct vsa_error *error)
{
    const struct vsa_hpke_suite *suite = exchange->context.suite;
    size_t size = reply_nonce_size(suite);
    struct reply_key key;
    if (sealed.size < vsa_seal_reply_overhead(suite))
        return vsa_fail_sealed(error);
    enum vsa_status status = derive_reply_key(exchange, sealed.data, &key, error);
    if (status == VSA_OK)
        status =
            vsa_aead_open(vsa_slice_of(key.key, suite->key_size), key.nonce, vsa_slice_of(NULL, 0),
                          vsa_slice_of(sealed.data + size, sealed.size - size), plaintext, error);
    vsa_wipe(&key, sizeof(key));
    return status;
}
