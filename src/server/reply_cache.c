/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reply_cache.h"

#include <stdlib.h>

#include "base/container_of.h"

static struct vsa_cached_reply *reply_of(struct vsa_link *place)
{
    return VSA_CONTAINER_OF(place, struct vsa_cached_reply, place);
}

static void drop(struct vsa_reply_cache *cache, struct vsa_cached_reply *reply)
{
    vsa_list_remove(&reply->place);
    cache->bytes -= reply->size;
    cache->count--;
    free(reply);
}

void vsa_reply_cache_clear(struct vsa_reply_cache *cache)
{
    while (cache->count > 0)
        drop(cache, reply_of(cache->replies.next));
}

static struct vsa_cached_reply *find(struct vsa_reply_cache *cache, const uint8_t *key)
{
    struct vsa_link *place = vsa_list_first(&cache->replies);
    for (; place && place != &cache->replies; place = place->next)
        if (memcmp(reply_of(place)->key, key, VSA_SHA384_SIZE) == 0)
            return reply_of(place);
    return NULL;
}

const struct vsa_cached_reply *vsa_reply_cache_find(struct vsa_reply_cache *cache,
                                                    const uint8_t *key, int64_t now_ms)
{
    struct vsa_cached_reply *reply = find(cache, key);
    if (!reply)
        return NULL;
    if (now_ms >= reply->expires_ms) {
        drop(cache, reply);
        return NULL;
    }
    vsa_list_remove(&reply->place);
    vsa_list_insert(&cache->replies, &reply->place);
    return reply;
}

void vsa_reply_cache_keep(struct vsa_reply_cache *cache, const uint8_t *key, const char *line,
                          size_t size, int64_t made_ms, int64_t expires_ms)
{
    struct vsa_cached_reply *older = find(cache, key);
    if (size == 0 || size > VSA_MAX_CACHED_REPLY_BYTES)
        return;
    struct vsa_cached_reply *reply = malloc(sizeof(*reply) + size);
    if (!reply)
        return;
    *reply = (struct vsa_cached_reply){.made_ms = made_ms, .expires_ms = expires_ms, .size = size};
    memcpy(reply->key, key, VSA_SHA384_SIZE);
    memcpy(reply->line, line, size);
    if (older)
        drop(cache, older);
    while (cache->count == VSA_MAX_CACHED_REPLIES ||
           cache->bytes + size > VSA_MAX_CACHED_REPLY_BYTES)
        drop(cache, reply_of(cache->replies.previous));
    vsa_list_insert(&cache->replies, &reply->place);
    cache->bytes += size;
    cache->count++;
}
