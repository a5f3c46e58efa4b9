/* SPDX-License-Identifier: Apache-2.0 */
#include "server/origin.h"

/* Handlers get a context that programs made before there were sealed requests, and may copy. */
static _Thread_local const struct vsa_origin *present;

void vsa_origin_enter(const struct vsa_origin *origin)
{
    present = origin;
}

bool vsa_server_sealed(const struct vsa_command_context *context, struct vsa_slice *aad)
{
    (void)context;
    if (present && aad)
        *aad = vsa_slice_of(present->aad, present->aad_size);
    return present != NULL;
}

const char *vsa_server_sender(const struct vsa_command_context *context)
{
    (void)context;
    return present && present->sender[0] ? present->sender : NULL;
}
