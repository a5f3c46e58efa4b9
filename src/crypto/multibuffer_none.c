/* SPDX-License-Identifier: Apache-2.0 */
/* Without crypto_mb: every check is left to vsa_signature_check_run(). */
#include "crypto/multibuffer_lanes.h"

bool vsa_multibuffer_available(void)
{
    return false;
}

void vsa_multibuffer_verify(struct vsa_signature_check *const *checks, size_t count)
{
    (void)checks;
    (void)count;
}
