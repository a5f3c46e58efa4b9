/* SPDX-License-Identifier: Apache-2.0 */
/* The checksum of an enclave image, which no mutation would find. */
#ifndef VSA_FUZZ_REPAIR_CRC_H
#define VSA_FUZZ_REPAIR_CRC_H

#include <string.h>

#include "fuzz.h"
#include "image/crc32.h"

#define AT_CRC      0x220
#define HEADER_SIZE 0x224

/* Returns a copy of the bytes, at least HEADER_SIZE, with the right CRC; the caller frees it. */
static inline uint8_t *copy_with_crc(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size);
    FUZZ_REQUIRE(copy != NULL);
    memcpy(copy, data, size);
    struct vsa_slice parts[2] = {vsa_slice_of(copy, AT_CRC),
                                 vsa_slice_of(copy + HEADER_SIZE, size - HEADER_SIZE)};
    uint32_t crc = vsa_crc32(parts, 2);
    for (size_t i = 0; i < 4; i++)
        copy[AT_CRC + i] = (uint8_t)(crc >> (24 - 8 * i));
    return copy;
}

#endif
