# SPDX-License-Identifier: Apache-2.0
"""Enclave images (EIF) made and measured in a few lines, independently of the project's C code.

The benches boot images made here, and the image builder's tests may compare with it. Written from the format's
description: all integers big endian, PCRn = SHA384(48 zero bytes || SHA384(content n)).
"""

import hashlib
import struct
import zlib

HEADER_SIZE = 548
CRC_OFFSET = 0x220
KERNEL, CMDLINE, RAMDISK, SIGNATURE, METADATA = 1, 2, 3, 4, 5


def build(kernel, cmdline, ramdisks, metadata=b"{}", default_mem=1 << 30, default_cpus=2):
    """The bytes of an unsigned version 4 x86-64 image; sections in the order nitro-cli writes them."""
    sections = [(KERNEL, kernel), (CMDLINE, cmdline), (METADATA, metadata)]
    sections += [(RAMDISK, ramdisk) for ramdisk in ramdisks]
    body, offsets, sizes = b"", [], []
    for kind, data in sections:
        offsets.append(HEADER_SIZE + len(body))
        sizes.append(len(data))
        body += struct.pack(">HHQ", kind, 0, len(data)) + data
    unused = [0] * (32 - len(sections))
    head = struct.pack(">4sHHQQHH", b".eif", 4, 0, default_mem, default_cpus, 0, len(sections))
    head += struct.pack(">32Q32QI", *offsets, *unused, *sizes, *unused, 0)
    assert len(head) == CRC_OFFSET
    return head + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body


def measure(kernel, cmdline, ramdisks):
    """{0: PCR0, 1: PCR1, 2: PCR2} as bytes, of an unsigned image."""

    def pcr(*parts):
        return hashlib.sha384(bytes(48) + hashlib.sha384(b"".join(parts)).digest()).digest()

    return {0: pcr(kernel, cmdline, *ramdisks), 1: pcr(kernel, cmdline, *ramdisks[:1]), 2: pcr(*ramdisks[1:])}


def extended(text):
    """The value of a zero PCR extended once with a text, as PCR3 and PCR4 are."""
    return hashlib.sha384(bytes(48) + text.encode()).digest()
