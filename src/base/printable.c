/* SPDX-License-Identifier: Apache-2.0 */
#include "base/printable.h"

#include "base/slice.h"

size_t vsa_printable_control(struct vsa_slice text, size_t offset)
{
    uint8_t byte = text.data[offset];
    if (byte < 0x20 || byte == 0x7f)
        return 1;
    bool c1 = byte == 0xc2 && offset + 1 < text.size && text.data[offset + 1] >= 0x80 &&
              text.data[offset + 1] < 0xa0;
    return c1 ? 2 : 0;
}

void vsa_printable_make(char *text, size_t size)
{
    struct vsa_slice slice = vsa_slice_of(text, size);
    bool utf8 = vsa_slice_is_utf8(slice);
    for (size_t i = 0; i < slice.size; i++) {
        size_t control = vsa_printable_control(slice, i);
        if (control || (!utf8 && slice.data[i] >= 0x80))
            text[i] = '?';
        if (control == 2)
            text[++i] = '?';
    }
}
