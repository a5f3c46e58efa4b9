/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/multibuffer.h"

/* A call costs as much for one as for eight: about three of the fastest single checks. */
#define WORTH_A_CALL 4

void vsa_multibuffer_add(struct vsa_multibuffer *multibuffer, struct vsa_signature_check *check)
{
    if (vsa_key_curve(check->key) != VSA_CURVE_P384 || !vsa_multibuffer_available())
        return;
    multibuffer->waiting[multibuffer->count++] = check;
    if (multibuffer->count == VSA_MULTIBUFFER_LANES)
        vsa_multibuffer_finish(multibuffer);
}

void vsa_multibuffer_finish(struct vsa_multibuffer *multibuffer)
{
    if (multibuffer->count >= WORTH_A_CALL)
        vsa_multibuffer_verify(multibuffer->waiting, multibuffer->count);
    multibuffer->count = 0;
}
