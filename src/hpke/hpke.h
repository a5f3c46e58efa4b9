/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hybrid Public Key Encryption (RFC 9180), base mode: a sender who has the recipient's public key,
 * and nothing else in common with it, seals to it. The recipient learns nothing about the sender.
 */
#ifndef VSA_HPKE_HPKE_H
#define VSA_HPKE_HPKE_H

#include "crypto/aead.h"
#include "crypto/ecdh.h"
#include "crypto/hkdf.h"

/* Algorithms, by the registry of RFC 9180 section 7. */
struct vsa_hpke_suite {
    uint16_t kem;
    uint16_t kdf;
    uint16_t aead;
    enum vsa_dh_group group;
    enum vsa_hash kem_hash;
    enum vsa_hash kdf_hash;
    uint8_t enc_size; /* bytes of `enc` and of a public key: Nenc, Npk */
    uint8_t key_size; /* bytes of an AEAD key: Nk */
};

/* KEM identifiers of the suites that vsa_hpke_find_suite() knows. */
enum {
    VSA_HPKE_P256 = 0x0010,
    VSA_HPKE_P384 = 0x0011,
    VSA_HPKE_X25519 = 0x0020,
};

/* Writes an identifier or a size as I2OSP(number, 2); returns the byte behind it. */
static inline uint8_t *vsa_hpke_write_number(uint8_t *at, size_t number)
{
    at[0] = (uint8_t)(number >> 8);
    at[1] = (uint8_t)number;
    return at + 2;
}

#define VSA_HPKE_MAX_ENC    VSA_MAX_DH_PUBLIC
#define VSA_HPKE_MAX_SECRET VSA_MAX_HASH_SIZE
#define VSA_HPKE_MAX_KEY    32

/*
 * Returns the one suite of a KEM, static: DHKEM(X25519) or DHKEM(P-256) with HKDF-SHA256, or
 * DHKEM(P-384) with HKDF-SHA384; each with AES-256-GCM. NULL for another KEM. With the KEM fixed
 * there is nothing to negotiate, and nothing to downgrade.
 */
const struct vsa_hpke_suite *vsa_hpke_find_suite(uint16_t kem);

/* What both sides have after the setup. Wipe it with vsa_hpke_wipe(). */
struct vsa_hpke_context {
    const struct vsa_hpke_suite *suite;
    uint8_t key[VSA_HPKE_MAX_KEY];
    uint8_t base_nonce[VSA_AEAD_NONCE_SIZE];
    uint8_t exporter_secret[VSA_HPKE_MAX_SECRET];
    uint64_t sequence; /* of the next message */
};

/* Wipes the keys. NULL is fine. */
void vsa_hpke_wipe(struct vsa_hpke_context *context);

/*
 * Performs SetupBaseS (section 5.1.1): makes an ephemeral key.
 *
 * recipient  in: public key, suite->enc_size bytes
 * info       in: what both sides must agree on
 * enc        out: suite->enc_size bytes, for the recipient
 * context    out: wiped on failure
 *
 * Errors: VSA_ERR_SEALED (not a public key of the group), VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_hpke_setup_sender(const struct vsa_hpke_suite *suite,
                                                   struct vsa_slice recipient,
                                                   struct vsa_slice info, uint8_t *enc,
                                                   struct vsa_hpke_context *context,
                                                   struct vsa_error *error);
/* Does the same with a given ephemeral key, for known answers. Never use an ephemeral key twice. */
VSA_MUST_USE enum vsa_status
vsa_hpke_setup_sender_with(const struct vsa_hpke_suite *suite, const struct vsa_dh_key *ephemeral,
                           struct vsa_slice recipient, struct vsa_slice info, uint8_t *enc,
                           struct vsa_hpke_context *context, struct vsa_error *error);
/*
 * Performs SetupBaseR (section 5.1.1).
 *
 * enc      in: from the sender, hostile
 * context  out: wiped on failure
 *
 * Errors: VSA_ERR_SEALED, VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_hpke_setup_recipient(const struct vsa_hpke_suite *suite,
                                                      const struct vsa_dh_key *recipient,
                                                      struct vsa_slice enc, struct vsa_slice info,
                                                      struct vsa_hpke_context *context,
                                                      struct vsa_error *error);

/*
 * Performs KeySchedule (section 5.1) in base mode; the second half of both setups, with known
 * answers of its own.
 *
 * shared_secret  in: vsa_hash_size(suite->kem_hash) bytes for our KEMs
 * context        out: wiped on failure
 */
VSA_MUST_USE enum vsa_status vsa_hpke_key_schedule(const struct vsa_hpke_suite *suite,
                                                   struct vsa_slice shared_secret,
                                                   struct vsa_slice info,
                                                   struct vsa_hpke_context *context,
                                                   struct vsa_error *error);

/*
 * Seals the next message of the context (section 5.2).
 *
 * sealed  out: plaintext.size + VSA_AEAD_TAG_SIZE bytes
 *
 * Errors: VSA_ERR_TOO_MANY (no sequence number is left), VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_hpke_seal(struct vsa_hpke_context *context, struct vsa_slice aad,
                                           struct vsa_slice plaintext, uint8_t *sealed,
                                           struct vsa_error *error);
/*
 * Opens the next message. One that does not open leaves the context as it was.
 *
 * plaintext  out: sealed.size - VSA_AEAD_TAG_SIZE bytes; wiped on failure
 *
 * Errors: VSA_ERR_SEALED, VSA_ERR_TOO_MANY, VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_hpke_open(struct vsa_hpke_context *context, struct vsa_slice aad,
                                           struct vsa_slice sealed, uint8_t *plaintext,
                                           struct vsa_error *error);

/*
 * Derives a secret that both sides know (section 5.3).
 *
 * purpose  in: the exporter context
 * secret   out: `size` bytes; the caller wipes them. Zeroed on failure
 *
 * Errors: VSA_ERR_CRYPTO, VSA_ERR_TOO_LARGE.
 */
VSA_MUST_USE enum vsa_status vsa_hpke_export(const struct vsa_hpke_context *context,
                                             struct vsa_slice purpose, uint8_t *secret, size_t size,
                                             struct vsa_error *error);

#endif
