/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cbor/writer.h"
#include "nsm/schema.h"

static void write_pcr_set(struct vsa_builder *builder, uint32_t set)
{
    vsa_cbor_write_array(builder, (size_t)__builtin_popcount(set));
    for (unsigned index = 0; index < VSA_PCR_COUNT; index++)
        if (set >> index & 1)
            vsa_cbor_write_unsigned(builder, index);
}

static void write_field(struct vsa_builder *builder, enum vsa_nsm_field_type type,
                        const void *member)
{
    switch (type) {
    case VSA_NSM_FIELD_U16:
        vsa_cbor_write_unsigned(builder, *(const uint16_t *)member);
        break;
    case VSA_NSM_FIELD_BOOLEAN:
        vsa_cbor_write_boolean(builder, *(const bool *)member);
        break;
    case VSA_NSM_FIELD_BYTES:
    case VSA_NSM_FIELD_PCR_VALUE:
        vsa_cbor_write_bytes(builder, *(const struct vsa_slice *)member);
        break;
    case VSA_NSM_FIELD_OPTIONAL_BYTES:
        vsa_cbor_write_optional_bytes(builder, *(const struct vsa_slice *)member);
        break;
    case VSA_NSM_FIELD_PCR_SET:
        write_pcr_set(builder, *(const uint32_t *)member);
        break;
    case VSA_NSM_FIELD_MODULE_ID:
    case VSA_NSM_FIELD_DIGEST:
        vsa_cbor_write_text(builder, (const char *)member);
        break;
    }
}

static void write_variant(struct vsa_builder *builder, const struct vsa_nsm_variant *variant,
                          const void *message)
{
    if (variant->field_count == 0) {
        vsa_cbor_write_text(builder, variant->name);
        return;
    }
    vsa_cbor_write_map(builder, 1);
    vsa_cbor_write_text(builder, variant->name);
    vsa_cbor_write_map(builder, variant->field_count);
    for (size_t i = 0; i < variant->field_count; i++) {
        const struct vsa_nsm_field *field = &variant->fields[i];
        vsa_cbor_write_text(builder, field->name);
        write_field(builder, field->type, (const uint8_t *)message + field->offset);
    }
}

enum vsa_status vsa_nsm_request_encode(const struct vsa_nsm_request *request, uint8_t *buffer,
                                       size_t capacity, struct vsa_slice *encoded,
                                       struct vsa_error *error)
{
    struct vsa_builder builder = vsa_builder_of(buffer, capacity);
    if ((size_t)request->kind >= VSA_NSM_VARIANTS)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "no such NSM request");
    write_variant(&builder, &vsa_nsm_request_variants[request->kind], request);
    return vsa_builder_finish(&builder, encoded, error);
}

enum vsa_status vsa_nsm_response_encode(const struct vsa_nsm_response *response, uint8_t *buffer,
                                        size_t capacity, struct vsa_slice *encoded,
                                        struct vsa_error *error)
{
    struct vsa_builder builder = vsa_builder_of(buffer, capacity);
    if ((size_t)response->kind < VSA_NSM_VARIANTS) {
        write_variant(&builder, &vsa_nsm_response_variants[response->kind], response);
    } else {
        vsa_cbor_write_map(&builder, 1);
        vsa_cbor_write_text(&builder, vsa_nsm_kind_name(VSA_NSM_ERROR));
        vsa_cbor_write_text(&builder, vsa_nsm_code_name(response->code));
    }
    return vsa_builder_finish(&builder, encoded, error);
}
