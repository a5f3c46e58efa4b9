/* SPDX-License-Identifier: Apache-2.0 */
#include "base/printable.h"

#include "base/slice.h"

struct range {
    uint32_t first;
    uint32_t last;
};

/* Unicode 16: Cc, Cf, Zl and Zp, and what is reserved for format characters between them. */
static const struct range unprintable[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},   {0x0600, 0x0605},
    {0x061c, 0x061c},   {0x06dd, 0x06dd},   {0x070f, 0x070f},   {0x0890, 0x0891},
    {0x08e2, 0x08e2},   {0x180e, 0x180e},   {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f},   {0xfeff, 0xfeff},   {0xfff0, 0xfffb},   {0x110bd, 0x110bd},
    {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, 0xe00ff}, {0xe01f0, 0xe0fff},
};

static bool is_printable(uint32_t point)
{
    if (point < 0x7f)
        return point >= 0x20;
    for (size_t i = 1; i < sizeof(unprintable) / sizeof(unprintable[0]); i++)
        if (point <= unprintable[i].last)
            return point < unprintable[i].first;
    return true;
}

size_t vsa_printable_next(struct vsa_slice text, size_t offset, bool *printable)
{
    /* Bits of the first byte that belong to the code point, by the size of the character. */
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t size = vsa_slice_character(text, offset);
    *printable = false;
    if (size == 0)
        return 1;
    uint32_t point = text.data[offset] & lead_bits[size];
    for (size_t i = 1; i < size; i++)
        point = point << 6 | (text.data[offset + i] & 0x3f);
    *printable = is_printable(point);
    return size;
}

/* Has no branch for a byte, so that a compiler can take many at a time. */
static bool is_printable_ascii(struct vsa_slice text)
{
    uint8_t others = 0;
    for (size_t i = 0; i < text.size; i++)
        others |= (uint8_t)(text.data[i] - 0x20) > 0x7e - 0x20;
    return !others;
}

bool vsa_printable_all(struct vsa_slice text)
{
    bool printable = true;
    if (is_printable_ascii(text))
        return true;
    for (size_t i = 0; i < text.size && printable;)
        i += vsa_printable_next(text, i, &printable);
    return printable;
}

void vsa_printable_make(char *text, size_t size)
{
    bool printable;
    for (size_t i = 0; i < size;) {
        size_t next = i + vsa_printable_next(vsa_slice_of(text, size), i, &printable);
        for (; i < next; i++)
            if (!printable)
                text[i] = '?';
    }
}
