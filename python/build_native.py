#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the C source of vsattest._native. Meson runs it.

Usage: build_native.py declarations.h OUTPUT.c
"""

import re
import sys

import cffi

SOURCE = """
#include <stdlib.h>
#include <time.h>

#include <jansson.h>

#include <vsattest/attestation.h>
#include <vsattest/client.h>
#include <vsattest/key.h>
#include <vsattest/nsm.h>
#include <vsattest/report.h>
#include <vsattest/seal.h>
#include <vsattest/server.h>
#include <vsattest/transport.h>

static int64_t wall_clock_ms(const void *unused)
{
    struct timespec now;
    (void)unused;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
"""


def main(declarations, output):
    with open(declarations, encoding="utf-8") as file:
        # cffi before 1.16 knows only some comments.
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
    builder = cffi.FFI()
    builder.cdef(text)
    builder.set_source("vsattest._native", SOURCE)
    builder.emit_c_code(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
