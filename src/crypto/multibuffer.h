/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature checks on P-384, eight at a time, where the build and the CPU can do that;
 * no build can yet (multibuffer_none.c), Intel's crypto_mb is meant.
 *
 * It only ever speeds up: what it finds good is marked as verified, and everything else is left to
 * vsa_signature_check_run(), which alone refuses. So the error of a check is the same with and
 * without it, and what it cannot do (another curve, a digest of zero) needs no case of its own.
 */
#ifndef VSA_CRYPTO_MULTIBUFFER_H
#define VSA_CRYPTO_MULTIBUFFER_H

#include "crypto/multibuffer_lanes.h"

/* Checks that wait for others. Zero it first. */
struct vsa_multibuffer {
    struct vsa_signature_check *waiting[VSA_MULTIBUFFER_LANES]; /* borrowed */
    size_t count;
};

/* Takes a check, which must stay where it is until vsa_multibuffer_finish() returns. */
void vsa_multibuffer_add(struct vsa_multibuffer *multibuffer, struct vsa_signature_check *check);

/* Carries out what still waits. */
void vsa_multibuffer_finish(struct vsa_multibuffer *multibuffer);

#endif
