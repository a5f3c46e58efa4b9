/* SPDX-License-Identifier: Apache-2.0 */
#include "attestation/continuity.h"

#include <string.h>

#include "base/error.h"
#include "base/slice.h"

/* Those from 16 on the program may extend and lock while it runs. */
#define FIXED_PCRS UINT32_C(0x0000ffff)

/* Claims borrow from a reply that does not last. */
static void keep(struct vsa_continuity *continuity, const struct vsa_claims *claims)
{
    continuity->has_first = true;
    continuity->first = (struct vsa_claims){.pcrs = claims->pcrs};
    if (claims->module_id.data)
        memcpy(continuity->module_id, claims->module_id.data, claims->module_id.size);
    continuity->first.module_id = vsa_slice_of(continuity->module_id, claims->module_id.size);
}

enum vsa_status vsa_continuity_check(struct vsa_continuity *continuity,
                                     const struct vsa_claims *claims,
                                     struct vsa_claims_difference *changes, struct vsa_error *error)
{
    if (!continuity->has_first)
        keep(continuity, claims);
    *changes = vsa_claims_differ(&continuity->first, claims);
    if (changes->pcrs & FIXED_PCRS)
        return vsa_fail(error, VSA_ERR_PCR_MISMATCH,
                        "PCRs differ from those of the first document: this is another image or "
                        "place");
    return VSA_OK;
}
