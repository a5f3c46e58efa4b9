/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

bool vsa_slice_equal(struct vsa_slice a, struct vsa_slice b)
{
    if (!a.data || !b.data)
        return !a.data && !b.data;
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

bool vsa_slice_equal_constant_time(struct vsa_slice a, struct vsa_slice b)
{
    if (!a.data || !b.data || a.size != b.size)
        return false;
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < a.size; i++)
        difference |= (uint8_t)(a.data[i] ^ b.data[i]);
    return difference == 0;
}

bool vsa_slice_equal_text(struct vsa_slice a, const char *text)
{
    return vsa_slice_equal(a, vsa_slice_of_text(text));
}

bool vsa_slice_is_zero(struct vsa_slice a)
{
    volatile uint8_t bits = 0;
    for (size_t i = 0; i < a.size; i++)
        bits |= a.data[i];
    return bits == 0;
}

/* Returns the number of bytes that follow a lead byte, or -1 when it cannot lead. */
static int utf8_followers(uint8_t lead)
{
    if (lead < 0x80)
        return 0;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 1;
    if (lead >= 0xe0 && lead <= 0xef)
        return 2;
    if (lead >= 0xf0 && lead <= 0xf4)
        return 3;
    return -1;
}

/*
 * Returns whether a second byte is allowed: it rules out overlong forms and surrogates (RFC 3629
 * section 4).
 */
static bool utf8_second_allowed(uint8_t lead, uint8_t second)
{
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

size_t vsa_slice_character(struct vsa_slice a, size_t offset)
{
    uint8_t lead = a.data[offset];
    int followers = utf8_followers(lead);
    if (followers < 0 || (size_t)followers > a.size - offset - 1)
        return 0;
    if (followers > 0 && !utf8_second_allowed(lead, a.data[offset + 1]))
        return 0;
    for (int k = 2; k <= followers; k++)
        if ((a.data[offset + (size_t)k] & 0xc0) != 0x80)
            return 0;
    return (size_t)followers + 1;
}

bool vsa_slice_is_utf8(struct vsa_slice a)
{
    for (size_t i = 0; i < a.size;) {
        size_t size = vsa_slice_character(a, i);
        if (size == 0)
            return false;
        i += size;
    }
    return true;
}

struct vsa_slice vsa_slice_whole_characters(struct vsa_slice a)
{
    for (size_t back = 1; back <= 3 && back <= a.size; back++) {
        size_t offset = a.size - back;
        if ((a.data[offset] & 0xc0) == 0x80)
            continue;
        if (a.data[offset] >= 0xc0 && vsa_slice_character(a, offset) == 0)
            a.size = offset;
        break;
    }
    return a;
}

void vsa_wipe(void *data, size_t size)
{
    if (!data || !size)
        return;
    memset(data, 0, size);
    /* The compiler must assume that the zeros are read. */
    __asm__ __volatile__("" : : "r"(data) : "memory");
}
