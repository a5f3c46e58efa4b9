/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the proofs share: SIZE bytes of which nothing is known, at the end of their array, so that
 * reading past them is an alarm; and values of which only the range is known. OP is the case.
 */
#ifndef VSA_PROOFS_PROOF_H
#define VSA_PROOFS_PROOF_H

#include <__fc_builtin.h>

#include "base/error.h"
#include "base/slice.h"
#include <vsattest/base.h>

static uint8_t input[SIZE + 1]; /* the first is not part of it: C has no array of no bytes */

static inline size_t choose(size_t least, size_t most)
{
    return (size_t)Frama_C_unsigned_long_interval(least, most);
}

static inline struct vsa_slice hostile_input(void)
{
    Frama_C_make_unknown((char *)input, sizeof(input));
    return vsa_slice_of(input + 1, SIZE);
}

/*
 * Contracts of src/base/slice.c, in place of its bodies.
 */

/*@ requires a.size == 0 || \valid_read(a.data + (0 .. a.size - 1));
    assigns \result \from a, a.data[0 .. a.size - 1];
    ensures \result == 0 || \result == 1; */
bool vsa_slice_is_utf8(struct vsa_slice a);

/*@ requires a.data == \null || a.size == 0 || \valid_read(a.data + (0 .. a.size - 1));
    requires b.data == \null || b.size == 0 || \valid_read(b.data + (0 .. b.size - 1));
    assigns \result \from a, a.data[0 .. a.size - 1], b, b.data[0 .. b.size - 1];
    ensures \result == 0 || \result == 1; */
bool vsa_slice_equal(struct vsa_slice a, struct vsa_slice b);

#endif
