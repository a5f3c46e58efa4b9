/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/documents.h"

#include "base/error.h"
#include "cbor/writer.h"
#include "cose/sign1.h"

#define CBOR_UNSIGNED_64 0x1b

/* Writes a timestamp in eight bytes, however small: AWS's always are. */
static void write_timestamp(struct vsa_builder *builder, uint64_t timestamp_ms)
{
    vsa_builder_append_byte(builder, CBOR_UNSIGNED_64);
    vsa_builder_append_big_endian(builder, timestamp_ms, 8);
}

static void write_pcrs(struct vsa_builder *builder, const struct vsa_pcr_bank *bank)
{
    vsa_cbor_write_map(builder, (size_t)__builtin_popcount(bank->locked));
    for (unsigned index = 0; index < VSA_PCR_COUNT; index++) {
        if (!vsa_pcr_bank_is_locked(bank, index))
            continue;
        vsa_cbor_write_unsigned(builder, index);
        vsa_cbor_write_bytes(builder, vsa_slice_of(bank->value[index], VSA_PCR_SIZE));
    }
}

/* Writes the cabundle, root first; the leaf is under `certificate`. */
static void write_cabundle(struct vsa_builder *builder, const struct vsa_authority *authority)
{
    vsa_cbor_write_array(builder, VSA_AUTHORITY_LEAF);
    for (unsigned i = VSA_AUTHORITY_ROOT; i < VSA_AUTHORITY_LEAF; i++)
        vsa_cbor_write_bytes(builder,
                             vsa_authority_certificate(authority, (enum vsa_authority_level)i));
}

static void write_payload(struct vsa_builder *builder, const struct vsa_authority *authority,
                          const struct vsa_software_document *content)
{
    vsa_cbor_write_indefinite_map(builder);
    vsa_cbor_write_text(builder, "module_id");
    vsa_cbor_write_text(builder, vsa_authority_module_id(authority)->text);
    vsa_cbor_write_text(builder, "digest");
    vsa_cbor_write_text(builder, "SHA384");
    vsa_cbor_write_text(builder, "timestamp");
    write_timestamp(builder, content->timestamp_ms);
    vsa_cbor_write_text(builder, "pcrs");
    write_pcrs(builder, content->pcrs);
    vsa_cbor_write_text(builder, "certificate");
    vsa_cbor_write_bytes(builder, vsa_authority_certificate(authority, VSA_AUTHORITY_LEAF));
    vsa_cbor_write_text(builder, "cabundle");
    write_cabundle(builder, authority);
    vsa_cbor_write_text(builder, "public_key");
    vsa_cbor_write_optional_bytes(builder, content->public_key);
    vsa_cbor_write_text(builder, "user_data");
    vsa_cbor_write_optional_bytes(builder, content->user_data);
    vsa_cbor_write_text(builder, "nonce");
    vsa_cbor_write_optional_bytes(builder, content->nonce);
    vsa_cbor_write_break(builder);
}

enum vsa_status vsa_software_document_sign(const struct vsa_authority *authority,
                                           const struct vsa_software_document *content,
                                           uint8_t *buffer, size_t capacity,
                                           struct vsa_slice *document, struct vsa_error *error)
{
    uint8_t payload_buffer[VSA_MAX_PAYLOAD];
    struct vsa_builder builder = vsa_builder_of(payload_buffer, sizeof(payload_buffer));
    struct vsa_slice payload;
    write_payload(&builder, authority, content);
    VSA_TRY(vsa_builder_finish(&builder, &payload, error));
    return vsa_cose_sign1_sign(vsa_authority_leaf_key(authority), NULL, payload, buffer, capacity,
                               document, error);
}
