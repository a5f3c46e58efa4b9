/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies that may be given again. Bounded in number and bytes; the one unused for longest goes
 * first. Nothing in it is secret: all of it went over the wire.
 */
#ifndef VSA_SERVER_REPLY_CACHE_H
#define VSA_SERVER_REPLY_CACHE_H

#include "crypto/digest.h"
#include <vsattest/limits.h>

struct vsa_cached_reply {
    uint8_t key[VSA_SHA384_SIZE];
    char *line; /* owned; NULL: the entry is free */
    size_t size;
    int64_t made_ms;    /* monotonic, as all times here */
    int64_t expires_ms; /* not to be given from then on */
    uint64_t used;      /* the higher, the later */
};

/* Zeroed: empty. Keys have VSA_SHA384_SIZE bytes. */
struct vsa_reply_cache {
    struct vsa_cached_reply entries[VSA_MAX_CACHED_REPLIES];
    size_t bytes;
    uint64_t uses;
};

/* NULL when there is none that is still good; else valid until the next call. */
const struct vsa_cached_reply *vsa_reply_cache_find(struct vsa_reply_cache *cache,
                                                    const uint8_t *key, int64_t now_ms);

/* Keeps a copy in place of an older one; nothing happens if there is no memory for it. */
void vsa_reply_cache_keep(struct vsa_reply_cache *cache, const uint8_t *key, const char *line,
                          size_t size, int64_t made_ms, int64_t expires_ms);

void vsa_reply_cache_clear(struct vsa_reply_cache *cache);

#endif
