/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/writer.h"

/* Writes a major type in the top three bits, then the shortest argument (RFC 8949 section 3). */
static void write_head(struct vsa_builder *builder, unsigned major, uint64_t argument)
{
    uint8_t type = (uint8_t)(major << 5);
    if (argument < 24) {
        vsa_builder_append_byte(builder, (uint8_t)(type | argument));
        return;
    }
    size_t log2_width = argument <= UINT8_MAX ? 0 : argument <= UINT16_MAX ? 1 : 2;
    if (argument > UINT32_MAX)
        log2_width = 3;
    vsa_builder_append_byte(builder, (uint8_t)(type | (24 + log2_width)));
    vsa_builder_append_big_endian(builder, argument, (size_t)1 << log2_width);
}

void vsa_cbor_write_unsigned(struct vsa_builder *builder, uint64_t value)
{
    write_head(builder, 0, value);
}

void vsa_cbor_write_integer(struct vsa_builder *builder, int64_t value)
{
    if (value >= 0)
        write_head(builder, 0, (uint64_t)value);
    else
        write_head(builder, 1, (uint64_t)(-1 - value));
}

void vsa_cbor_write_bytes(struct vsa_builder *builder, struct vsa_slice bytes)
{
    vsa_cbor_write_bytes_head(builder, bytes.size);
    vsa_builder_append(builder, bytes);
}

void vsa_cbor_write_bytes_head(struct vsa_builder *builder, size_t size)
{
    write_head(builder, 2, size);
}

void vsa_cbor_write_optional_bytes(struct vsa_builder *builder, struct vsa_slice bytes)
{
    if (bytes.data)
        vsa_cbor_write_bytes(builder, bytes);
    else
        vsa_cbor_write_null(builder);
}

void vsa_cbor_write_text(struct vsa_builder *builder, const char *text)
{
    struct vsa_slice bytes = vsa_slice_of_text(text);
    write_head(builder, 3, bytes.size);
    vsa_builder_append(builder, bytes);
}

void vsa_cbor_write_array(struct vsa_builder *builder, size_t count)
{
    write_head(builder, 4, count);
}

void vsa_cbor_write_map(struct vsa_builder *builder, size_t count)
{
    write_head(builder, 5, count);
}

void vsa_cbor_write_indefinite_map(struct vsa_builder *builder)
{
    vsa_builder_append_byte(builder, 0xbf);
}

void vsa_cbor_write_break(struct vsa_builder *builder)
{
    vsa_builder_append_byte(builder, 0xff);
}

void vsa_cbor_write_tag(struct vsa_builder *builder, uint64_t tag)
{
    write_head(builder, 6, tag);
}

void vsa_cbor_write_boolean(struct vsa_builder *builder, bool value)
{
    vsa_builder_append_byte(builder, value ? 0xf5 : 0xf4);
}

void vsa_cbor_write_null(struct vsa_builder *builder)
{
    vsa_builder_append_byte(builder, 0xf6);
}
