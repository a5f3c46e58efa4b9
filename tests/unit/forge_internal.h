/* SPDX-License-Identifier: Apache-2.0 */
/* Between forge.c and forge_certificate.c. */
#ifndef VSA_TESTS_FORGE_INTERNAL_H
#define VSA_TESTS_FORGE_INTERNAL_H

#include <stdio.h>
#include <stdlib.h>

#include "forge.h"

/* The forge itself must not fail: that would be a test that tests nothing. */
#define FORGE_REQUIRE(condition)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "forge: %s:%d: %s\n", __FILE__, __LINE__, #condition);           \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct vsa_slice forge_copy(struct forge *forge, const void *bytes, size_t size);
struct vsa_slice forge_fill(struct forge *forge, size_t size, uint8_t fill);
/* One DER element. */
struct vsa_slice forge_der(struct forge *forge, uint8_t tag, struct vsa_slice content);

#endif
