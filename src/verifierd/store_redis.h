/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redeemed challenges in a Redis or Valkey, for any number of replicas.
 *
 *     ID:used:<base64url of the MAC>    1, until the challenge would be too old anyway
 *     ID:epoch                          since when the store remembers, and a random value
 *
 * A store that was emptied has no epoch: it gets a new one, and everything issued before it is
 * refused.
 */
#ifndef VSA_VERIFIERD_STORE_REDIS_H
#define VSA_VERIFIERD_STORE_REDIS_H

#include "verifierd/store.h"

/* Makes a store on Redis or Valkey; see vsa_store_new(). */
VSA_MUST_USE enum vsa_status vsa_store_redis_new(const struct vsa_store_options *options,
                                                 struct vsa_store **store, struct vsa_error *error);

#endif
