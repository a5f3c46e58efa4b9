/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies that may be given again, bounded in number and bytes; the least recently used one is
 * evicted first. Nothing in it is secret: all of it went over the wire.
 */
#ifndef VSA_SERVER_REPLY_CACHE_H
#define VSA_SERVER_REPLY_CACHE_H

#include "base/list.h"
#include "crypto/digest.h"
#include <vsattest/limits.h>

struct vsa_cached_reply {
    struct vsa_link place;
    uint8_t key[VSA_SHA384_SIZE];
    int64_t made_ms;    /* monotonic, as all times here */
    int64_t expires_ms; /* not to be given from then on */
    size_t size;
    char line[];
};

/* Zeroed: empty. Keys have VSA_SHA384_SIZE bytes. */
struct vsa_reply_cache {
    struct vsa_link replies; /* the one used last first */
    size_t count;
    size_t bytes; /* of their lines */
};

/* Returns NULL when there is none that is still good; else valid until the next call. */
const struct vsa_cached_reply *vsa_reply_cache_find(struct vsa_reply_cache *cache,
                                                    const uint8_t *key, int64_t now_ms);

/* Stores a copy in place of an older one; nothing happens if there is no memory for it. */
void vsa_reply_cache_keep(struct vsa_reply_cache *cache, const uint8_t *key, const char *line,
                          size_t size, int64_t made_ms, int64_t expires_ms);

void vsa_reply_cache_clear(struct vsa_reply_cache *cache);

#endif
