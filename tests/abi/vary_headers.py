#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the public headers as an older or a newer version of the library might have them.

Usage: vary_headers.py older|newer DIRECTORY STAMP.h STRUCT,... HEADER...

Every struct whose first member is `size_t size` can grow. In the older headers each of them lacks its
last member, in the newer ones each has one more, `added`. STRUCT names those that must be among them.
"""

import os
import re
import sys

GROWING = re.compile(r"^struct (vsa_\w+) \{\n    size_t size;.*?^\};\n", re.MULTILINE | re.DOTALL)
MEMBER = re.compile(r"^    \w[^;]*;.*\n", re.MULTILINE)


def older(struct):
    last = list(MEMBER.finditer(struct))[-1]
    return struct[:last.start()] + struct[last.end():]


def newer(struct):
    return struct[:-len("};\n")] + "    uint64_t added;\n};\n"


def main(generation, directory, stamp, wanted, *headers):
    varied = set()

    def vary(match):
        varied.add(match.group(1))
        return {"older": older, "newer": newer}[generation](match.group(0))

    os.makedirs(os.path.join(directory, "vsattest"), exist_ok=True)
    for header in headers:
        with open(header, encoding="utf-8") as file:
            text = GROWING.sub(vary, file.read())
        with open(os.path.join(directory, "vsattest", os.path.basename(header)), "w",
                  encoding="utf-8") as file:
            file.write(text)
    if varied != set(wanted.split(",")):
        sys.exit(f"vary_headers.py: varied {sorted(varied)}, which is not {wanted}")
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(f'/* {", ".join(sorted(varied))} */\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
