/* SPDX-License-Identifier: Apache-2.0 */
/* Redeemed challenges of one process: two sets, which take turns. */
#ifndef VSA_VERIFIERD_STORE_MEMORY_H
#define VSA_VERIFIERD_STORE_MEMORY_H

#include "verifierd/store.h"

/*
 * Makes a store whose memory begins now: challenges from before, which an earlier process may have
 * redeemed, are refused. Errors: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_store_memory_new(int64_t skew_ms, int64_t now_ms,
                                                  struct vsa_store **store,
                                                  struct vsa_error *error);

#endif
