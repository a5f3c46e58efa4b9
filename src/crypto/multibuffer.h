/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature checks on P-384, eight at a time: by Intel's crypto_mb, in builds that have it
 * (-Dmultibuffer) and on CPUs that have AVX-512 IFMA. Elsewhere these functions do nothing.
 *
 * It only ever speeds up: what it finds good is marked as verified, and everything else is left to
 * vsa_signature_check_run(), which alone refuses. So the error of a check is the same with and
 * without it, and what it cannot do (another curve, a digest of zero) needs no case of its own.
 */
#ifndef VSA_CRYPTO_MULTIBUFFER_H
#define VSA_CRYPTO_MULTIBUFFER_H

#include "crypto/signature_check.h"

#define VSA_MULTIBUFFER_LANES 8

/* Checks that wait for others. Zero it first. */
struct vsa_multibuffer {
    struct vsa_signature_check *waiting[VSA_MULTIBUFFER_LANES]; /* borrowed */
    size_t count;
};

/* Returns whether this build and this CPU check eight signatures at a time. */
bool vsa_multibuffer_available(void);

/* Takes a check, which must stay where it is until vsa_multibuffer_finish() returns. */
void vsa_multibuffer_add(struct vsa_multibuffer *multibuffer, struct vsa_signature_check *check);

/* Carries out what still waits, where that is faster than one by one. */
void vsa_multibuffer_finish(struct vsa_multibuffer *multibuffer);

#endif
