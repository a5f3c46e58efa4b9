/* SPDX-License-Identifier: Apache-2.0 */
/* Where a request came from, for the handler that answers it: sealed or not, and signed by whom. */
#ifndef VSA_SERVER_ORIGIN_H
#define VSA_SERVER_ORIGIN_H

#include "sealing/sealing.h"
#include <vsattest/server.h>

/*
 * Makes `origin` what vsa_server_sealed() answers in this thread from now on; NULL: not sealed.
 * Borrowed until the next call.
 */
void vsa_origin_enter(const struct vsa_origin *origin);

#endif
