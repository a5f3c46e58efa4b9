/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_IMAGE_CRC32_H
#define VSA_IMAGE_CRC32_H

#include <vsattest/base.h>

/* Computes CRC-32/ISO-HDLC (polynomial 0x04c11db7, reflected; zlib's) of the concatenated parts. */
uint32_t vsa_crc32(const struct vsa_slice *parts, size_t count);

#endif
