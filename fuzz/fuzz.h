/* SPDX-License-Identifier: Apache-2.0 */
/* What libFuzzer (or replay_main.c) calls: must return 0 and neither crash, leak nor hang. */
#ifndef VSA_FUZZ_FUZZ_H
#define VSA_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only that it comes back matters. */
#define FUZZ_CALL(call) ((void)!(call))

/* A property that must hold for every input. abort() is what libFuzzer takes for a finding. */
#define FUZZ_REQUIRE(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
