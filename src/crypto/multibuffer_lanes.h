/* SPDX-License-Identifier: Apache-2.0 */
/* What eight checks at a time need of the machine: one of two files, chosen by Meson. */
#ifndef VSA_CRYPTO_MULTIBUFFER_LANES_H
#define VSA_CRYPTO_MULTIBUFFER_LANES_H

#include "crypto/signature_check.h"

#define VSA_MULTIBUFFER_LANES 8

/* Returns whether this build and this CPU check eight signatures at a time. */
bool vsa_multibuffer_available(void);

/*
 * Sets `verified` of those of the checks that hold, 1 to VSA_MULTIBUFFER_LANES on P-384. Only where
 * vsa_multibuffer_available().
 */
void vsa_multibuffer_verify(struct vsa_signature_check *const *checks, size_t count);

#endif
