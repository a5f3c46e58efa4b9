/* SPDX-License-Identifier: Apache-2.0 */
#include "der/writer.h"

#include <string.h>
#include <time.h>

#include "base/slice.h"

size_t vsa_der_open(struct vsa_builder *builder, unsigned tag)
{
    vsa_builder_append_byte(builder, (uint8_t)tag);
    /* Of the length, one byte; a longer one moves the content. */
    vsa_builder_append_byte(builder, 0);
    return builder->size;
}

void vsa_der_close(struct vsa_builder *builder, size_t opened)
{
    if (builder->overflow)
        return;
    size_t length = builder->size - opened;
    size_t width = 0;
    for (size_t rest = length; length >= 0x80 && rest; rest >>= 8)
        width++;
    vsa_builder_append_big_endian(builder, 0, width);
    if (builder->overflow)
        return;
    uint8_t *content = builder->data + opened;
    memmove(content + width, content, length);
    content[-1] = (uint8_t)(width ? 0x80 | width : length);
    for (size_t i = 0; i < width; i++)
        content[i] = (uint8_t)(length >> 8 * (width - 1 - i));
}

void vsa_der_write(struct vsa_builder *builder, unsigned tag, struct vsa_slice content)
{
    size_t opened = vsa_der_open(builder, tag);
    vsa_builder_append(builder, content);
    vsa_der_close(builder, opened);
}

void vsa_der_write_unsigned(struct vsa_builder *builder, struct vsa_slice number)
{
    while (number.size && !number.data[0])
        number = vsa_slice_of(number.data + 1, number.size - 1);
    size_t opened = vsa_der_open(builder, VSA_DER_INTEGER);
    if (!number.size || number.data[0] & 0x80)
        vsa_builder_append_byte(builder, 0);
    vsa_builder_append(builder, number);
    vsa_der_close(builder, opened);
}

void vsa_der_write_bits(struct vsa_builder *builder, struct vsa_slice bytes)
{
    size_t opened = vsa_der_open(builder, VSA_DER_BIT_STRING);
    vsa_builder_append_byte(builder, 0);
    vsa_builder_append(builder, bytes);
    vsa_der_close(builder, opened);
}

void vsa_der_write_named_bits(struct vsa_builder *builder, uint32_t bits)
{
    uint8_t content[5] = {0};
    unsigned count = 0;
    for (unsigned i = 0; i < 32; i++)
        if (bits >> i & 1) {
            content[1 + i / 8] |= (uint8_t)(0x80u >> i % 8);
            count = i + 1;
        }
    size_t size = (count + 7) / 8;
    content[0] = (uint8_t)(8 * size - count);
    vsa_der_write(builder, VSA_DER_BIT_STRING, vsa_slice_of(content, 1 + size));
}

void vsa_der_write_time(struct vsa_builder *builder, int64_t unix_ms)
{
    char text[64];
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || tm.tm_year < 50 || tm.tm_year > 9999 - 1900) {
        builder->overflow = true;
        return;
    }
    bool is_short = tm.tm_year < 150; /* UTCTime leaves the century out */
    size_t size = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
    size_t left_out = is_short ? 2 : 0;
    vsa_der_write(builder, is_short ? VSA_DER_UTC_TIME : VSA_DER_GENERALIZED_TIME,
                  vsa_slice_of(text + left_out, size - left_out));
}
