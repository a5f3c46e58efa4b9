/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reply_cache.h"

#include <stdbool.h>
#include <stdlib.h>

static void drop(struct vsa_reply_cache *cache, struct vsa_cached_reply *entry)
{
    free(entry->line);
    cache->bytes -= entry->size;
    *entry = (struct vsa_cached_reply){0};
}

void vsa_reply_cache_clear(struct vsa_reply_cache *cache)
{
    for (size_t i = 0; i < VSA_MAX_CACHED_REPLIES; i++)
        drop(cache, &cache->entries[i]);
}

static struct vsa_cached_reply *entry_of(struct vsa_reply_cache *cache, const uint8_t *key)
{
    for (size_t i = 0; i < VSA_MAX_CACHED_REPLIES; i++)
        if (cache->entries[i].line && memcmp(cache->entries[i].key, key, VSA_SHA384_SIZE) == 0)
            return &cache->entries[i];
    return NULL;
}

const struct vsa_cached_reply *vsa_reply_cache_find(struct vsa_reply_cache *cache,
                                                    const uint8_t *key, int64_t now_ms)
{
    struct vsa_cached_reply *entry = entry_of(cache, key);
    if (!entry)
        return NULL;
    if (now_ms >= entry->expires_ms) {
        drop(cache, entry);
        return NULL;
    }
    entry->used = ++cache->uses;
    return entry;
}

/* Free entries have never been used: one of them comes first, where they count. */
static struct vsa_cached_reply *least_used(struct vsa_reply_cache *cache, bool among_free)
{
    struct vsa_cached_reply *least = NULL;
    for (size_t i = 0; i < VSA_MAX_CACHED_REPLIES; i++) {
        struct vsa_cached_reply *entry = &cache->entries[i];
        if ((among_free || entry->line) && (!least || entry->used < least->used))
            least = entry;
    }
    return least;
}

void vsa_reply_cache_keep(struct vsa_reply_cache *cache, const uint8_t *key, const char *line,
                          size_t size, int64_t made_ms, int64_t expires_ms)
{
    struct vsa_cached_reply *entry = entry_of(cache, key);
    char *copy = size > 0 && size <= VSA_MAX_CACHED_REPLY_BYTES ? malloc(size) : NULL;
    if (!copy)
        return;
    memcpy(copy, line, size);
    if (entry)
        drop(cache, entry);
    while (cache->bytes + size > VSA_MAX_CACHED_REPLY_BYTES)
        drop(cache, least_used(cache, false));
    entry = least_used(cache, true);
    drop(cache, entry);
    memcpy(entry->key, key, VSA_SHA384_SIZE);
    entry->line = copy;
    entry->size = size;
    entry->made_ms = made_ms;
    entry->expires_ms = expires_ms;
    entry->used = ++cache->uses;
    cache->bytes += size;
}
