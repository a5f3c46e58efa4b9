/* SPDX-License-Identifier: Apache-2.0 */
#include <vsattest/attestation.h>

#include "base/slice.h"

static bool pcr_differs(const struct vsa_pcrs *one, const struct vsa_pcrs *other, unsigned index)
{
    uint32_t bit = UINT32_C(1) << index;
    if ((one->present & bit) != (other->present & bit))
        return true;
    return (one->present & bit) &&
           memcmp(one->value[index], other->value[index], VSA_PCR_SIZE) != 0;
}

struct vsa_claims_difference vsa_claims_differ(const struct vsa_claims *one,
                                               const struct vsa_claims *other)
{
    struct vsa_claims_difference found = {
        .module_id = !vsa_slice_equal(one->module_id, other->module_id),
    };
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        if (pcr_differs(&one->pcrs, &other->pcrs, i))
            found.pcrs |= UINT32_C(1) << i;
    return found;
}
