/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/sender.h"

#include <stdlib.h>
#include <string.h>

#include "base/builder.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/slice.h"
#include "cose/sign1.h"
#include "crypto/digest.h"
#include "hpke/hpke.h"

/* The first byte: a CBOR array of four. */
#define SIGN1_HEAD 0x84

#define MAX_BINDING                                                                                \
    (sizeof(VSA_SENDER_PURPOSE) + 2 + (size_t)VSA_HPKE_MAX_ENC + 2 + (size_t)VSA_SEAL_MAX_AAD)

_Static_assert(MAX_BINDING + VSA_P384_SPKI_SIZE <= VSA_COSE_MAX_CONTEXT, "fits into a signature");

/* --- keys ------------------------------------------------------------------------------------- */

enum vsa_status vsa_sender_thumbprint_of(struct vsa_slice public_key,
                                         char thumbprint[VSA_SENDER_THUMBPRINT + 1],
                                         struct vsa_error *error)
{
    uint8_t digest[VSA_SHA384_SIZE];
    VSA_TRY(vsa_sha384(&public_key, 1, digest, error));
    vsa_hex_encode(vsa_slice_of(digest, sizeof(digest)), thumbprint, VSA_SENDER_THUMBPRINT + 1);
    return VSA_OK;
}

static enum vsa_status fill(struct vsa_sender *sender, struct vsa_slice private_key,
                            struct vsa_error *error)
{
    struct vsa_slice public_key;
    VSA_TRY(vsa_key_read_private(private_key, &sender->key, error));
    if (vsa_key_curve(sender->key) != VSA_CURVE_P384)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a sender's key must be on the curve P-384");
    VSA_TRY(vsa_key_write_public(sender->key, sender->public_key, sizeof(sender->public_key),
                                 &public_key, error));
    return vsa_sender_thumbprint_of(public_key, sender->thumbprint, error);
}

enum vsa_status vsa_sender_new(struct vsa_slice private_key, struct vsa_sender **sender,
                               struct vsa_error *error)
{
    struct vsa_sender *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    enum vsa_status status = fill(made, private_key, error);
    if (status != VSA_OK) {
        vsa_sender_free(made);
        return status;
    }
    *sender = made;
    return VSA_OK;
}

void vsa_sender_free(struct vsa_sender *sender)
{
    if (!sender)
        return;
    vsa_key_free(sender->key);
    free(sender);
}

const char *vsa_sender_thumbprint(const struct vsa_sender *sender)
{
    return sender->thumbprint;
}

/* --- signatures ------------------------------------------------------------------------------- */

static enum vsa_status write_binding(const struct vsa_sender_binding *binding,
                                     uint8_t buffer[MAX_BINDING], struct vsa_slice *written,
                                     struct vsa_error *error)
{
    struct vsa_builder builder = vsa_builder_of(buffer, MAX_BINDING);
    vsa_builder_append(&builder, vsa_slice_of(VSA_SENDER_PURPOSE, sizeof(VSA_SENDER_PURPOSE)));
    vsa_builder_append_big_endian(&builder, binding->enc.size, 2);
    vsa_builder_append(&builder, binding->enc);
    vsa_builder_append_big_endian(&builder, binding->aad.size, 2);
    vsa_builder_append(&builder, binding->aad);
    return vsa_builder_finish(&builder, written, error);
}

size_t vsa_sender_signed_size(size_t size)
{
    size_t head = size < 24 ? 1 : size < 256 ? 2 : 3;
    return VSA_SENDER_MAX_OVERHEAD - 3 + head + size;
}

enum vsa_status vsa_sender_sign(const struct vsa_sender *sender,
                                const struct vsa_sender_binding *binding, struct vsa_slice request,
                                uint8_t *buffer, size_t capacity, struct vsa_slice *signed_request,
                                struct vsa_error *error)
{
    uint8_t bound[MAX_BINDING];
    struct vsa_cose_context context = {
        .key_id = vsa_slice_of(sender->public_key, sizeof(sender->public_key)),
    };
    VSA_TRY(write_binding(binding, bound, &context.external_aad, error));
    return vsa_cose_sign1_sign(sender->key, &context, request, buffer, capacity, signed_request,
                               error);
}

bool vsa_sender_is_signed(struct vsa_slice plaintext)
{
    return plaintext.size > 0 && plaintext.data[0] == SIGN1_HEAD;
}

static enum vsa_status check_signature(const struct vsa_cose_sign1 *sign1,
                                       const struct vsa_sender_binding *binding,
                                       struct vsa_error *error)
{
    uint8_t bound[MAX_BINDING];
    struct vsa_slice external_aad;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    VSA_TRY(write_binding(binding, bound, &external_aad, error));
    VSA_TRY(vsa_key_read_public(sign1->key_id, &key, error));
    return vsa_cose_sign1_verify(sign1, external_aad, key, error);
}

enum vsa_status vsa_sender_verify(struct vsa_slice plaintext,
                                  const struct vsa_sender_binding *binding,
                                  struct vsa_slice *request,
                                  char thumbprint[VSA_SENDER_THUMBPRINT + 1],
                                  struct vsa_error *error)
{
    struct vsa_cose_sign1 sign1;
    if (vsa_cose_sign1_parse_with_key_id(plaintext, VSA_COSE_ES384, &sign1, NULL) != VSA_OK)
        return vsa_fail(error, VSA_ERR_SENDER,
                        "the signed request is not a COSE_Sign1 of a sender");
    enum vsa_status status = check_signature(&sign1, binding, error);
    if (status == VSA_ERR_MEMORY || status == VSA_ERR_CRYPTO)
        return status;
    if (status != VSA_OK)
        return vsa_fail(error, VSA_ERR_SENDER, "the sender's signature does not verify");
    VSA_TRY(vsa_sender_thumbprint_of(sign1.key_id, thumbprint, error));
    *request = sign1.payload;
    return VSA_OK;
}
