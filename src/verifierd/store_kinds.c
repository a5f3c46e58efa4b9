/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/store_kinds.h"

#include "verifierd/store_memory.h"
#include "verifierd/store_redis.h"

enum vsa_status vsa_store_new(const struct vsa_store_options *options, int64_t now_ms,
                              struct vsa_store **store, struct vsa_error *error)
{
    if (strcmp(options->url, "memory") == 0)
        return vsa_store_memory_new(options->skew_ms, now_ms, store, error);
    return vsa_store_redis_new(options, store, error);
}
