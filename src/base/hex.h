/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_BASE_HEX_H
#define VSA_BASE_HEX_H

#include <vsattest/base.h>

/* Returns the value of a hexadecimal digit of either case, or -1. */
int vsa_hex_digit(uint8_t c);

/*
 * Writes lower-case hex and a NUL. `capacity` is at least 2 * bytes.size + 1, else an empty string.
 */
void vsa_hex_encode(struct vsa_slice bytes, char *text, size_t capacity);

/*
 * Decodes exactly `size` bytes from exactly 2 * `size` hex digits of either case. On failure
 * VSA_ERR_HEX with the offset, and `bytes` untouched up to the first bad digit.
 */
VSA_MUST_USE enum vsa_status vsa_hex_decode(struct vsa_slice text, uint8_t *bytes, size_t size,
                                            struct vsa_error *error);

#endif
