/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sealed request and the reply to it, as RFC 9458 sections 4.3 and 4.4 encapsulate them, with
 * a label of our own (section 4.6):
 *
 *     request  key ID (1), KEM (2), KDF (2), AEAD (2), enc, ciphertext
 *     reply    response nonce (max(Nn, Nk)), ciphertext
 *
 * A reply opens only for who made the request, and only with that request's exchange.
 */
#ifndef VSA_SEAL_EXCHANGE_H
#define VSA_SEAL_EXCHANGE_H

#include "seal/key_config.h"

#define VSA_SEAL_LABEL       "message/vsattest-v1"
#define VSA_SEAL_HEADER_SIZE 7
#define VSA_SEAL_MAX_LABEL   32

/* Wipe it with vsa_seal_exchange_wipe(). */
struct vsa_seal_exchange {
    const char *label; /* VSA_SEAL_LABEL, or another static text for known answers */
    struct vsa_hpke_context context;
    uint8_t enc[VSA_HPKE_MAX_ENC];
};

/* Writes what requests sealed to this key begin with. */
void vsa_seal_write_header(const struct vsa_key_config *config,
                           uint8_t header[VSA_SEAL_HEADER_SIZE]);

/* Wipes all but its label. */
void vsa_seal_exchange_wipe(struct vsa_seal_exchange *exchange);

/* Returns the size that JSON is padded to with spaces before it is sealed: a multiple of 256. */
size_t vsa_seal_padded_size(size_t size);

/* Returns the bytes that sealing adds to a request and to a reply. */
size_t vsa_seal_request_overhead(const struct vsa_hpke_suite *suite);
size_t vsa_seal_reply_overhead(const struct vsa_hpke_suite *suite);

/*
 * Seals a request.
 *
 * config     in: whose key
 * ephemeral  in: NULL but for known answers
 * sealed     out: plaintext.size + vsa_seal_request_overhead() bytes
 * exchange   in: its label; out: for the reply, wiped on failure
 *
 * Errors: VSA_ERR_SEALED (no public key of the group), VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status
vsa_seal_write_request(const struct vsa_key_config *config, const struct vsa_dh_key *ephemeral,
                       struct vsa_slice aad, struct vsa_slice plaintext, uint8_t *sealed,
                       struct vsa_seal_exchange *exchange, struct vsa_error *error);
/*
 * Does the same in two steps, for a plaintext that depends on `exchange->enc`. After a failure of
 * the first there is nothing to end.
 */
VSA_MUST_USE enum vsa_status vsa_seal_begin_request(const struct vsa_key_config *config,
                                                    const struct vsa_dh_key *ephemeral,
                                                    uint8_t *sealed,
                                                    struct vsa_seal_exchange *exchange,
                                                    struct vsa_error *error);
VSA_MUST_USE enum vsa_status vsa_seal_end_request(struct vsa_seal_exchange *exchange,
                                                  struct vsa_slice aad, struct vsa_slice plaintext,
                                                  uint8_t *sealed, struct vsa_error *error);
/*
 * Opens a request.
 *
 * config     in: of `key`
 * sealed     in: hostile
 * plaintext  out: sealed.size - vsa_seal_request_overhead() bytes; wiped on failure
 * exchange   in: its label; out: for the reply, wiped on failure
 *
 * Errors: VSA_ERR_FIELD (too short to be one), VSA_ERR_SEALED (header of another key or suite, and
 * whatever else does not open: one status, one text), VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status
vsa_seal_read_request(const struct vsa_key_config *config, const struct vsa_dh_key *key,
                      struct vsa_slice aad, struct vsa_slice sealed, uint8_t *plaintext,
                      struct vsa_seal_exchange *exchange, struct vsa_error *error);

/*
 * Seals a reply.
 *
 * nonce   in: NULL but for known answers; vsa_seal_reply_overhead() - VSA_AEAD_TAG_SIZE bytes
 * sealed  out: plaintext.size + vsa_seal_reply_overhead() bytes
 */
VSA_MUST_USE enum vsa_status vsa_seal_write_reply(const struct vsa_seal_exchange *exchange,
                                                  const uint8_t *nonce, struct vsa_slice plaintext,
                                                  uint8_t *sealed, struct vsa_error *error);
/*
 * Opens a reply.
 *
 * sealed     in: hostile
 * plaintext  out: sealed.size - vsa_seal_reply_overhead() bytes; wiped on failure
 *
 * Errors: VSA_ERR_SEALED, VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_seal_read_reply(const struct vsa_seal_exchange *exchange,
                                                 struct vsa_slice sealed, uint8_t *plaintext,
                                                 struct vsa_error *error);

#endif
