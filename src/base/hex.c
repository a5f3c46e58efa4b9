/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"

#include "base/error.h"

void vsa_hex_encode(struct vsa_slice bytes, char *text, size_t capacity)
{
    static const char digits[] = "0123456789abcdef";
    if (!capacity)
        return;
    text[0] = '\0';
    if (bytes.size > (capacity - 1) / 2)
        return;
    for (size_t i = 0; i < bytes.size; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    text[2 * bytes.size] = '\0';
}

int vsa_hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum vsa_status vsa_hex_decode(struct vsa_slice text, uint8_t *bytes, size_t size,
                               struct vsa_error *error)
{
    if (text.size != 2 * size)
        return vsa_fail(error, VSA_ERR_HEX, "expected %zu hex digits, got %zu", 2 * size,
                        text.size);
    for (size_t i = 0; i < size; i++) {
        int high = vsa_hex_digit(text.data[2 * i]);
        int low = vsa_hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return vsa_fail_at(error, VSA_ERR_HEX, 2 * i, NULL, "not a hex digit at character %zu",
                               2 * i);
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return VSA_OK;
}
