/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <vsattest/seal.h>

#include "base/error.h"
#include "base/slice.h"
#include "seal/exchange.h"
#include "seal/sender.h"

struct vsa_seal_recipient {
    struct vsa_key_config config;
};

struct vsa_seal_pending {
    bool opened;
    struct vsa_seal_exchange exchange;
};

enum vsa_status vsa_seal_recipient_new(const struct vsa_claims *claims,
                                       struct vsa_seal_recipient **recipient,
                                       struct vsa_error *error)
{
    struct vsa_key_config config;
    if (!claims->nonce_checked)
        return vsa_fail(error, VSA_ERR_NONCE,
                        "the nonce of the sealing key's document was not checked, so the key may "
                        "be one of an enclave that is gone");
    VSA_TRY(vsa_key_config_read(claims->user_data, claims->public_key, &config, error));
    struct vsa_seal_recipient *made = malloc(sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->config = config;
    *recipient = made;
    return VSA_OK;
}

void vsa_seal_recipient_free(struct vsa_seal_recipient *recipient)
{
    free(recipient);
}

void vsa_seal_pending_free(struct vsa_seal_pending *pending)
{
    if (!pending)
        return;
    vsa_wipe(pending, sizeof(*pending));
    free(pending);
}

/* A request before it is sealed: `text`, then room for the same signed. */
struct draft {
    size_t size; /* of the request with its spaces */
    size_t sealed_size;
    uint8_t *text; /* owned */
};

static struct draft measure(const struct vsa_key_config *config, const struct vsa_sender *sender,
                            size_t size)
{
    size_t padded = vsa_seal_padded_size(sender ? vsa_sender_signed_size(size) : size);
    struct draft draft = {.size = padded};
    draft.sealed_size = padded + vsa_seal_request_overhead(config->suite);
    /* What is signed has one length of its head for each length of the whole. */
    if (sender)
        draft.size = padded - (vsa_sender_signed_size(padded - VSA_SENDER_MAX_OVERHEAD) -
                               (padded - VSA_SENDER_MAX_OVERHEAD));
    return draft;
}

static enum vsa_status seal_draft(const struct vsa_key_config *config,
                                  const struct vsa_sender *sender, const struct draft *draft,
                                  struct vsa_slice aad, uint8_t *sealed,
                                  struct vsa_seal_exchange *exchange, struct vsa_error *error)
{
    struct vsa_slice plaintext = vsa_slice_of(draft->text, draft->size);
    VSA_TRY(vsa_seal_begin_request(config, NULL, sealed, exchange, error));
    struct vsa_sender_binding binding = {
        .enc = vsa_slice_of(exchange->enc, config->suite->enc_size),
        .aad = aad,
    };
    if (sender)
        VSA_TRY(vsa_sender_sign(sender, &binding, plaintext, draft->text + draft->size,
                                draft->size + VSA_SENDER_MAX_OVERHEAD, &plaintext, error));
    return vsa_seal_end_request(exchange, aad, plaintext, sealed, error);
}

/* Seals the padded text; `sealed` has room for it and what sealing adds. */
static enum vsa_status seal_padded(const struct vsa_key_config *config,
                                   const struct vsa_sender *sender, struct draft *draft,
                                   struct vsa_slice aad, struct vsa_slice plaintext,
                                   uint8_t *sealed, struct vsa_seal_exchange *exchange,
                                   struct vsa_error *error)
{
    size_t size = 2 * draft->size + VSA_SENDER_MAX_OVERHEAD;
    draft->text = malloc(size);
    if (!draft->text)
        return vsa_fail_memory(error);
    memset(draft->text, ' ', draft->size);
    if (plaintext.size)
        memcpy(draft->text, plaintext.data, plaintext.size);
    enum vsa_status status = seal_draft(config, sender, draft, aad, sealed, exchange, error);
    vsa_wipe(draft->text, size);
    free(draft->text);
    return status;
}

enum vsa_status vsa_seal_signed_request(const struct vsa_seal_recipient *recipient,
                                        const struct vsa_sender *sender, struct vsa_slice aad,
                                        struct vsa_slice plaintext, uint8_t *buffer,
                                        size_t capacity, struct vsa_slice *sealed,
                                        struct vsa_seal_pending **pending, struct vsa_error *error)
{
    const struct vsa_key_config *config = &recipient->config;
    size_t most = sender ? VSA_SEAL_MAX_SIGNED_PLAINTEXT : VSA_SEAL_MAX_PLAINTEXT;
    if (plaintext.size > most)
        return vsa_fail(error, VSA_ERR_TOO_LARGE,
                        "a request of %zu bytes; at most %zu can be sealed", plaintext.size, most);
    if (aad.size > VSA_SEAL_MAX_AAD)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "associated data of %zu bytes; at most %d",
                        aad.size, VSA_SEAL_MAX_AAD);
    struct draft draft = measure(config, sender, plaintext.size);
    if (draft.sealed_size > capacity)
        return vsa_fail(error, VSA_ERR_BUFFER, "%zu bytes do not fit into %zu", draft.sealed_size,
                        capacity);
    struct vsa_seal_pending *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->exchange.label = VSA_SEAL_LABEL;
    enum vsa_status status =
        seal_padded(config, sender, &draft, aad, plaintext, buffer, &made->exchange, error);
    if (status != VSA_OK) {
        vsa_seal_pending_free(made);
        return status;
    }
    *sealed = vsa_slice_of(buffer, draft.sealed_size);
    *pending = made;
    return VSA_OK;
}

enum vsa_status vsa_seal_request(const struct vsa_seal_recipient *recipient, struct vsa_slice aad,
                                 struct vsa_slice plaintext, uint8_t *buffer, size_t capacity,
                                 struct vsa_slice *sealed, struct vsa_seal_pending **pending,
                                 struct vsa_error *error)
{
    return vsa_seal_signed_request(recipient, NULL, aad, plaintext, buffer, capacity, sealed,
                                   pending, error);
}

enum vsa_status vsa_seal_open_reply(struct vsa_seal_pending *pending, struct vsa_slice sealed,
                                    uint8_t *buffer, size_t capacity, struct vsa_slice *plaintext,
                                    struct vsa_error *error)
{
    if (pending->opened)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the reply to this request was opened before");
    if (sealed.size > VSA_SEAL_MAX_SEALED)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "a sealed reply of %zu bytes; at most %d",
                        sealed.size, VSA_SEAL_MAX_SEALED);
    if (sealed.size > capacity)
        return vsa_fail(error, VSA_ERR_BUFFER, "%zu bytes do not fit into %zu", sealed.size,
                        capacity);
    size_t overhead = vsa_seal_reply_overhead(pending->exchange.context.suite);
    VSA_TRY(vsa_seal_read_reply(&pending->exchange, sealed, buffer, error));
    *plaintext = vsa_slice_of(buffer, sealed.size - overhead);
    pending->opened = true;
    vsa_seal_exchange_wipe(&pending->exchange);
    return VSA_OK;
}
