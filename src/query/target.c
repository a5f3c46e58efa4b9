/* SPDX-License-Identifier: Apache-2.0 */
#include "query/target.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/monotonic.h"

void vsa_target_set(struct vsa_target *target, const struct vsa_enclave *enclave, uint32_t port)
{
    target->enclave = *enclave;
    (void)snprintf(target->address, sizeof(target->address), "vsock:%" PRIu32 ":%" PRIu32,
                   enclave->cid, port);
}

enum vsa_status vsa_target_find(const struct vsa_place *place, int64_t deadline_ms,
                                struct vsa_target *target, struct vsa_enclave_list *running,
                                struct vsa_error *error)
{
    struct vsa_enclave enclave = {.cid = place->cid};
    if (place->address) {
        *target = (struct vsa_target){0};
        (void)snprintf(target->address, sizeof(target->address), "%s", place->address);
        return VSA_OK;
    }
    if (!place->cid)
        VSA_TRY(vsa_find_enclave(&place->selector, deadline_ms - vsa_monotonic_ms(), running,
                                 &enclave, error));
    vsa_target_set(target, &enclave, place->port);
    return VSA_OK;
}
