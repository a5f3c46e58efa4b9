/* SPDX-License-Identifier: Apache-2.0 */
/* Which `attest` requests may have the same document, and for how long. */
#ifndef VSA_SERVER_ATTEST_SHARING_H
#define VSA_SERVER_ATTEST_SHARING_H

#include "server/worker.h"

/* Those without nonce and without key, by their user data. */
extern const struct vsa_sharing vsa_attest_sharing;

#endif
