/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_BASE_SLICE_H
#define VSA_BASE_SLICE_H

#include <stdbool.h>

#include <vsattest/base.h>

/* Returns whether both have the same bytes; absent equals only absent. */
bool vsa_slice_equal(struct vsa_slice a, struct vsa_slice b);

/*
 * Returns whether both have the same bytes, in a time that depends on the sizes only.
 * Absent equals nothing.
 */
bool vsa_slice_equal_constant_time(struct vsa_slice a, struct vsa_slice b);

bool vsa_slice_equal_text(struct vsa_slice a, const char *text);

/* Returns in constant time whether all bytes are zero; true for no bytes. */
bool vsa_slice_is_zero(struct vsa_slice a);

/*
 * Returns whether the bytes are well-formed UTF-8 (RFC 3629): no surrogates, no overlong forms,
 * nothing above U+10FFFF.
 */
bool vsa_slice_is_utf8(struct vsa_slice a);

/*
 * Returns the size of the well-formed UTF-8 character at `offset`, which must be inside; 0 when
 * there is none.
 */
size_t vsa_slice_character(struct vsa_slice a, size_t offset);

/* Returns the slice without an incomplete UTF-8 character at its end. */
struct vsa_slice vsa_slice_whole_characters(struct vsa_slice a);

/* Overwrites a secret in a way the compiler keeps. NULL with size 0 is fine. */
void vsa_wipe(void *data, size_t size);

#endif
