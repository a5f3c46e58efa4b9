/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CBOR that a strict reader must refuse, and what it must take: after RFC 8949 appendix A
 * (examples) and appendix F (not well-formed), and what other parsers were caught with.
 */
#ifndef VSA_TESTS_CBOR_VECTORS_H
#define VSA_TESTS_CBOR_VECTORS_H

#include <vsattest/base.h>

struct cbor_vector {
    const char *hex;
    enum vsa_status expected;
    size_t offset; /* of the error */
    const char *comment;
};

extern const struct cbor_vector cbor_refused[];
extern const size_t cbor_refused_count;
/* `expected` VSA_OK, `offset` the size. */
extern const struct cbor_vector cbor_accepted[];
extern const size_t cbor_accepted_count;

/* Bytes of `hex` (spaces allowed); returns how many. Fails the test when it is not hex. */
size_t cbor_vector_bytes(const char *hex, uint8_t *bytes, size_t capacity);

#endif
