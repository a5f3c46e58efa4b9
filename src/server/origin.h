/* SPDX-License-Identifier: Apache-2.0 */
/* Where a request came from, for the handler that answers it: sealed or not, and signed by whom. */
#ifndef VSA_SERVER_ORIGIN_H
#define VSA_SERVER_ORIGIN_H

#include "seal/sender.h"
#include <vsattest/server.h>

/* Of a request that came sealed. */
struct vsa_origin {
    uint8_t aad[VSA_SEAL_MAX_AAD];
    size_t aad_size;
    char sender[VSA_SENDER_THUMBPRINT + 1]; /* "": not signed */
};

/*
 * Makes `origin` what vsa_server_sealed() answers in this thread from now on; NULL: not sealed.
 * Borrowed until the next call. Returns what it was before.
 */
const struct vsa_origin *vsa_origin_enter(const struct vsa_origin *origin);

#endif
