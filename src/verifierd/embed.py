#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes files as C: embed.py OUT PATH=FILE... (see embedded.h)."""

import os
import sys

TYPES = {
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def main():
    rows = []
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write('#include "verifierd/embedded.h"\n')
        for index, argument in enumerate(sys.argv[2:]):
            path, _, name = argument.partition("=")
            with open(name, "rb") as file:
                data = file.read()
            out.write(f"static const unsigned char file_{index}[] = {{{','.join(map(str, data))}}};\n")
            rows.append(f'{{"{path}", "{TYPES[os.path.splitext(name)[1]]}", file_{index}, sizeof(file_{index})}},')
        out.write("const struct vsa_embedded_file vsa_embedded_files[] = {" + "".join(rows) + "};\n")
        out.write(f"const size_t vsa_embedded_file_count = {len(rows)};\n")


if __name__ == "__main__":
    main()
