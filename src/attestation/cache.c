/* SPDX-License-Identifier: Apache-2.0 */
#include "attestation/cache.h"

void vsa_path_node_release(struct vsa_path_node *node)
{
    vsa_certificate_release(node->certificate);
    node->certificate = NULL;
}

void vsa_cache_init(struct vsa_cache *cache)
{
    memset(cache, 0, sizeof(*cache));
    /* Cannot fail with default attributes (glibc and musl). */
    (void)pthread_mutex_init(&cache->lock, NULL);
}

void vsa_cache_clear(struct vsa_cache *cache)
{
    for (size_t i = 0; i < VSA_MAX_CACHED_CERTIFICATES; i++)
        vsa_path_node_release(&cache->entries[i].node);
    (void)pthread_mutex_destroy(&cache->lock);
}

static struct vsa_cache_entry *find_entry(struct vsa_cache *cache, const uint8_t *path_digest)
{
    for (size_t i = 0; i < VSA_MAX_CACHED_CERTIFICATES; i++) {
        struct vsa_cache_entry *entry = &cache->entries[i];
        if (entry->node.certificate &&
            memcmp(entry->node.path_digest, path_digest, VSA_SHA384_SIZE) == 0)
            return entry;
    }
    return NULL;
}

bool vsa_cache_find(struct vsa_cache *cache, const uint8_t path_digest[VSA_SHA384_SIZE],
                    struct vsa_path_node *node)
{
    (void)pthread_mutex_lock(&cache->lock);
    struct vsa_cache_entry *entry = find_entry(cache, path_digest);
    if (entry) {
        cache->statistics.hits++;
        entry->last_use = ++cache->uses;
        *node = entry->node;
        (void)vsa_certificate_reference(node->certificate);
    } else {
        cache->statistics.misses++;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return entry != NULL;
}

/* An empty entry, else the one unused for longest: empty ones were never used. */
static struct vsa_cache_entry *oldest_entry(struct vsa_cache *cache)
{
    struct vsa_cache_entry *oldest = &cache->entries[0];
    for (size_t i = 1; i < VSA_MAX_CACHED_CERTIFICATES; i++)
        if (cache->entries[i].last_use < oldest->last_use)
            oldest = &cache->entries[i];
    return oldest;
}

void vsa_cache_insert(struct vsa_cache *cache, const struct vsa_path_node *node)
{
    (void)pthread_mutex_lock(&cache->lock);
    /* Two threads may have verified the same path at once. */
    if (!find_entry(cache, node->path_digest)) {
        struct vsa_cache_entry *entry = oldest_entry(cache);
        vsa_path_node_release(&entry->node);
        entry->node = *node;
        (void)vsa_certificate_reference(entry->node.certificate);
        entry->last_use = ++cache->uses;
    }
    (void)pthread_mutex_unlock(&cache->lock);
}
