/* SPDX-License-Identifier: Apache-2.0 */
#include "base/builder.h"

#include "base/error.h"

void vsa_builder_append(struct vsa_builder *builder, struct vsa_slice bytes)
{
    if (builder->overflow || bytes.size > builder->capacity - builder->size) {
        builder->overflow = true;
        return;
    }
    if (bytes.size)
        memcpy(builder->data + builder->size, bytes.data, bytes.size);
    builder->size += bytes.size;
}

void vsa_builder_append_byte(struct vsa_builder *builder, uint8_t byte)
{
    vsa_builder_append(builder, vsa_slice_of(&byte, 1));
}

void vsa_builder_append_big_endian(struct vsa_builder *builder, uint64_t value, size_t width)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    vsa_builder_append(builder, vsa_slice_of(bytes + sizeof(bytes) - width, width));
}

enum vsa_status vsa_builder_finish(const struct vsa_builder *builder, struct vsa_slice *out,
                                   struct vsa_error *error)
{
    if (builder->overflow)
        return vsa_fail(error, VSA_ERR_BUFFER, "the result does not fit into %zu bytes",
                        builder->capacity);
    *out = vsa_slice_of(builder->data, builder->size);
    return VSA_OK;
}
