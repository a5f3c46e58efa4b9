/* SPDX-License-Identifier: Apache-2.0 */
#include "hpke/hpke.h"

#include <string.h>

#include "base/error.h"
#include "base/slice.h"

static const struct vsa_hpke_suite suites[] = {
    {VSA_HPKE_X25519, 0x0001, 0x0002, VSA_DH_X25519, VSA_HASH_SHA256, VSA_HASH_SHA256, 32, 32},
    {VSA_HPKE_P384, 0x0002, 0x0002, VSA_DH_P384, VSA_HASH_SHA384, VSA_HASH_SHA384, 97, 32},
    {VSA_HPKE_P256, 0x0001, 0x0002, VSA_DH_P256, VSA_HASH_SHA256, VSA_HASH_SHA256, 65, 32},
};

const struct vsa_hpke_suite *vsa_hpke_find_suite(uint16_t kem)
{
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
        if (suites[i].kem == kem)
            return &suites[i];
    return NULL;
}

void vsa_hpke_wipe(struct vsa_hpke_context *context)
{
    if (context)
        vsa_wipe(context, sizeof(*context));
}

/* --- labelled key derivation (section 4) ------------------------------------------------------ */

/* The two suite_ids: of the KEM, and of the whole. */
struct suite_id {
    uint8_t bytes[10];
    size_t size;
};

static struct suite_id kem_suite_id(const struct vsa_hpke_suite *suite)
{
    struct suite_id id = {"KEM", 5};
    (void)vsa_hpke_write_number(id.bytes + 3, suite->kem);
    return id;
}

static struct suite_id hpke_suite_id(const struct vsa_hpke_suite *suite)
{
    struct suite_id id = {"HPKE", 10};
    uint8_t *at = vsa_hpke_write_number(id.bytes + 4, suite->kem);
    at = vsa_hpke_write_number(at, suite->kdf);
    (void)vsa_hpke_write_number(at, suite->aead);
    return id;
}

static enum vsa_status labeled_extract(enum vsa_hash hash, const struct suite_id *id,
                                       struct vsa_slice salt, const char *label,
                                       struct vsa_slice ikm, uint8_t *prk, struct vsa_error *error)
{
    struct vsa_slice parts[] = {
        vsa_slice_of_text("HPKE-v1"),
        vsa_slice_of(id->bytes, id->size),
        vsa_slice_of_text(label),
        ikm,
    };
    return vsa_hkdf_extract(hash, salt, parts, 4, prk, error);
}

static enum vsa_status labeled_expand(enum vsa_hash hash, const struct suite_id *id,
                                      const uint8_t *prk, const char *label, struct vsa_slice info,
                                      uint8_t *output, size_t size, struct vsa_error *error)
{
    uint8_t length[2];
    (void)vsa_hpke_write_number(length, size);
    struct vsa_slice parts[] = {
        vsa_slice_of(length, sizeof(length)),
        vsa_slice_of_text("HPKE-v1"),
        vsa_slice_of(id->bytes, id->size),
        vsa_slice_of_text(label),
        info,
    };
    return vsa_hkdf_expand(hash, prk, parts, 5, output, size, error);
}

/* --- DHKEM (section 4.1) ---------------------------------------------------------------------- */

/* Computes ExtractAndExpand. `secret` has vsa_hash_size(suite->kem_hash) bytes. */
static enum vsa_status extract_and_expand(const struct vsa_hpke_suite *suite, struct vsa_slice dh,
                                          struct vsa_slice enc, struct vsa_slice recipient,
                                          uint8_t *secret, struct vsa_error *error)
{
    struct suite_id id = kem_suite_id(suite);
    uint8_t prk[VSA_MAX_HASH_SIZE];
    uint8_t kem_context[2 * VSA_HPKE_MAX_ENC];
    memcpy(kem_context, enc.data, enc.size);
    memcpy(kem_context + enc.size, recipient.data, recipient.size);
    enum vsa_status status =
        labeled_extract(suite->kem_hash, &id, vsa_slice_of(NULL, 0), "eae_prk", dh, prk, error);
    if (status == VSA_OK)
        status = labeled_expand(suite->kem_hash, &id, prk, "shared_secret",
                                vsa_slice_of(kem_context, enc.size + recipient.size), secret,
                                vsa_hash_size(suite->kem_hash), error);
    vsa_wipe(prk, sizeof(prk));
    return status;
}

/*
 * Computes what Encap and Decap share, from one private and one public key.
 *
 * enc, recipient  in: public keys of suite->enc_size bytes, one of them the peer's
 */
static enum vsa_status shared_secret(const struct vsa_hpke_suite *suite,
                                     const struct vsa_dh_key *own, struct vsa_slice peer,
                                     struct vsa_slice enc, struct vsa_slice recipient,
                                     uint8_t *secret, struct vsa_error *error)
{
    uint8_t dh[VSA_MAX_DH_SECRET];
    VSA_TRY(vsa_dh_derive(own, peer, dh, error));
    enum vsa_status status = extract_and_expand(
        suite, vsa_slice_of(dh, vsa_dh_secret_size(suite->group)), enc, recipient, secret, error);
    vsa_wipe(dh, sizeof(dh));
    return status;
}

/* --- setup (section 5.1) ---------------------------------------------------------------------- */

/* Writes key_schedule_context: mode_base, then the digests of an empty psk_id and of the info. */
static enum vsa_status hash_context(const struct vsa_hpke_suite *suite, const struct suite_id *id,
                                    struct vsa_slice info, uint8_t *context, size_t *size,
                                    struct vsa_error *error)
{
    size_t hash_size = vsa_hash_size(suite->kdf_hash);
    struct vsa_slice none = vsa_slice_of(NULL, 0);
    context[0] = 0x00;
    VSA_TRY(labeled_extract(suite->kdf_hash, id, none, "psk_id_hash", none, context + 1, error));
    VSA_TRY(labeled_extract(suite->kdf_hash, id, none, "info_hash", info, context + 1 + hash_size,
                            error));
    *size = 1 + 2 * hash_size;
    return VSA_OK;
}

static enum vsa_status derive_context(const struct vsa_hpke_suite *suite,
                                      struct vsa_slice shared_secret, struct vsa_slice info,
                                      uint8_t *secret, struct vsa_hpke_context *context,
                                      struct vsa_error *error)
{
    enum vsa_hash hash = suite->kdf_hash;
    struct suite_id id = hpke_suite_id(suite);
    uint8_t bytes[1 + 2 * VSA_MAX_HASH_SIZE];
    size_t size = 0;
    VSA_TRY(hash_context(suite, &id, info, bytes, &size, error));
    struct vsa_slice hashed = vsa_slice_of(bytes, size);
    VSA_TRY(
        labeled_extract(hash, &id, shared_secret, "secret", vsa_slice_of(NULL, 0), secret, error));
    VSA_TRY(labeled_expand(hash, &id, secret, "key", hashed, context->key, suite->key_size, error));
    VSA_TRY(labeled_expand(hash, &id, secret, "base_nonce", hashed, context->base_nonce,
                           VSA_AEAD_NONCE_SIZE, error));
    return labeled_expand(hash, &id, secret, "exp", hashed, context->exporter_secret,
                          vsa_hash_size(hash), error);
}

enum vsa_status vsa_hpke_key_schedule(const struct vsa_hpke_suite *suite,
                                      struct vsa_slice shared_secret, struct vsa_slice info,
                                      struct vsa_hpke_context *context, struct vsa_error *error)
{
    uint8_t secret[VSA_MAX_HASH_SIZE];
    *context = (struct vsa_hpke_context){.suite = suite};
    enum vsa_status status = derive_context(suite, shared_secret, info, secret, context, error);
    vsa_wipe(secret, sizeof(secret));
    if (status != VSA_OK)
        vsa_hpke_wipe(context);
    return status;
}

/* Does both setups. Wipes the context on failure. */
static enum vsa_status set_up(const struct vsa_hpke_suite *suite, const struct vsa_dh_key *own,
                              struct vsa_slice peer, struct vsa_slice enc,
                              struct vsa_slice recipient, struct vsa_slice info,
                              struct vsa_hpke_context *context, struct vsa_error *error)
{
    uint8_t secret[VSA_MAX_HASH_SIZE];
    vsa_hpke_wipe(context);
    enum vsa_status status = shared_secret(suite, own, peer, enc, recipient, secret, error);
    if (status == VSA_OK)
        status = vsa_hpke_key_schedule(suite, vsa_slice_of(secret, vsa_hash_size(suite->kem_hash)),
                                       info, context, error);
    vsa_wipe(secret, sizeof(secret));
    return status;
}

enum vsa_status vsa_hpke_setup_sender_with(const struct vsa_hpke_suite *suite,
                                           const struct vsa_dh_key *ephemeral,
                                           struct vsa_slice recipient, struct vsa_slice info,
                                           uint8_t *enc, struct vsa_hpke_context *context,
                                           struct vsa_error *error)
{
    vsa_hpke_wipe(context);
    vsa_dh_public(ephemeral, enc);
    return set_up(suite, ephemeral, recipient, vsa_slice_of(enc, suite->enc_size), recipient, info,
                  context, error);
}

enum vsa_status vsa_hpke_setup_sender(const struct vsa_hpke_suite *suite,
                                      struct vsa_slice recipient, struct vsa_slice info,
                                      uint8_t *enc, struct vsa_hpke_context *context,
                                      struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *ephemeral = NULL;
    vsa_hpke_wipe(context);
    VSA_TRY(vsa_dh_key_generate(suite->group, &ephemeral, error));
    return vsa_hpke_setup_sender_with(suite, ephemeral, recipient, info, enc, context, error);
}

enum vsa_status vsa_hpke_setup_recipient(const struct vsa_hpke_suite *suite,
                                         const struct vsa_dh_key *recipient, struct vsa_slice enc,
                                         struct vsa_slice info, struct vsa_hpke_context *context,
                                         struct vsa_error *error)
{
    uint8_t public_key[VSA_HPKE_MAX_ENC];
    vsa_hpke_wipe(context);
    vsa_dh_public(recipient, public_key);
    return set_up(suite, recipient, enc, enc, vsa_slice_of(public_key, suite->enc_size), info,
                  context, error);
}

/* --- messages (section 5.2) and exported secrets (section 5.3) -------------------------------- */

/* Does ComputeNonce: the base nonce XOR the sequence number, big-endian. */
static enum vsa_status next_nonce(const struct vsa_hpke_context *context,
                                  uint8_t nonce[VSA_AEAD_NONCE_SIZE], struct vsa_error *error)
{
    if (context->sequence == UINT64_MAX)
        return vsa_fail_at(error, VSA_ERR_TOO_MANY, VSA_NO_OFFSET, "RFC 9180 section 5.2",
                           "no message more for this key");
    memcpy(nonce, context->base_nonce, VSA_AEAD_NONCE_SIZE);
    for (unsigned i = 0; i < 8; i++)
        nonce[VSA_AEAD_NONCE_SIZE - 1 - i] ^= (uint8_t)(context->sequence >> (8 * i));
    return VSA_OK;
}

enum vsa_status vsa_hpke_seal(struct vsa_hpke_context *context, struct vsa_slice aad,
                              struct vsa_slice plaintext, uint8_t *sealed, struct vsa_error *error)
{
    uint8_t nonce[VSA_AEAD_NONCE_SIZE];
    VSA_TRY(next_nonce(context, nonce, error));
    VSA_TRY(vsa_aead_seal(vsa_slice_of(context->key, context->suite->key_size), nonce, aad,
                          plaintext, sealed, error));
    context->sequence++;
    return VSA_OK;
}

enum vsa_status vsa_hpke_open(struct vsa_hpke_context *context, struct vsa_slice aad,
                              struct vsa_slice sealed, uint8_t *plaintext, struct vsa_error *error)
{
    uint8_t nonce[VSA_AEAD_NONCE_SIZE];
    VSA_TRY(next_nonce(context, nonce, error));
    VSA_TRY(vsa_aead_open(vsa_slice_of(context->key, context->suite->key_size), nonce, aad, sealed,
                          plaintext, error));
    context->sequence++;
    return VSA_OK;
}

enum vsa_status vsa_hpke_export(const struct vsa_hpke_context *context, struct vsa_slice purpose,
                                uint8_t *secret, size_t size, struct vsa_error *error)
{
    struct suite_id id = hpke_suite_id(context->suite);
    return labeled_expand(context->suite->kdf_hash, &id, context->exporter_secret, "sec", purpose,
                          secret, size, error);
}
