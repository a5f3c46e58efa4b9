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
    atomic_init(&cache->readers, 0);
    for (size_t i = 0; i < VSA_MAX_CACHED_CERTIFICATES; i++)
        atomic_init(&cache->slots[i], NULL);
    atomic_init(&cache->uses, 0);
    atomic_init(&cache->hits, 0);
    atomic_init(&cache->misses, 0);
    /* Cannot fail with default attributes (glibc and musl). */
    (void)pthread_mutex_init(&cache->lock, NULL);
}

static void free_entry(struct vsa_cache_entry *entry)
{
    if (entry)
        vsa_path_node_release(&entry->node);
    free(entry);
}

static void free_retired(struct vsa_cache *cache)
{
    struct vsa_cache_entry *entry = cache->retired;
    cache->retired = NULL;
    cache->retired_count = 0;
    while (entry) {
        struct vsa_cache_entry *next = entry->next_retired;
        free_entry(entry);
        entry = next;
    }
}

void vsa_cache_clear(struct vsa_cache *cache)
{
    for (size_t i = 0; i < VSA_MAX_CACHED_CERTIFICATES; i++)
        free_entry(atomic_load(&cache->slots[i]));
    free_retired(cache);
    (void)pthread_mutex_destroy(&cache->lock);
}

/* Returns the entry or NULL; valid while the caller is a reader or holds the lock. */
static struct vsa_cache_entry *find_entry(struct vsa_cache *cache, const uint8_t *path_digest)
{
    for (size_t i = 0; i < VSA_MAX_CACHED_CERTIFICATES; i++) {
        struct vsa_cache_entry *entry = atomic_load(&cache->slots[i]);
        if (entry && memcmp(entry->node.path_digest, path_digest, VSA_SHA384_SIZE) == 0)
            return entry;
    }
    return NULL;
}

static uint_fast64_t next_use(struct vsa_cache *cache)
{
    return atomic_fetch_add_explicit(&cache->uses, 1, memory_order_relaxed) + 1;
}

bool vsa_cache_find(struct vsa_cache *cache, const uint8_t path_digest[VSA_SHA384_SIZE],
                    struct vsa_path_node *node)
{
    (void)atomic_fetch_add(&cache->readers, 1);
    struct vsa_cache_entry *entry = find_entry(cache, path_digest);
    if (entry) {
        *node = entry->node;
        (void)vsa_certificate_reference(node->certificate);
        atomic_store_explicit(&entry->last_use, next_use(cache), memory_order_relaxed);
    }
    (void)atomic_fetch_sub(&cache->readers, 1);
    (void)atomic_fetch_add_explicit(entry ? &cache->hits : &cache->misses, 1, memory_order_relaxed);
    return entry != NULL;
}

void vsa_cache_count_hit(struct vsa_cache *cache)
{
    (void)atomic_fetch_add_explicit(&cache->hits, 1, memory_order_relaxed);
}

static struct vsa_cache_entry *new_entry(struct vsa_cache *cache, const struct vsa_path_node *node)
{
    struct vsa_cache_entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->node = *node;
    (void)vsa_certificate_reference(node->certificate);
    atomic_init(&entry->last_use, next_use(cache));
    return entry;
}

/* Returns an empty slot, else the least recently used one. */
static size_t oldest_slot(struct vsa_cache *cache)
{
    size_t oldest = 0;
    uint_fast64_t oldest_use = UINT_FAST64_MAX;
    for (size_t i = 0; i < VSA_MAX_CACHED_CERTIFICATES; i++) {
        struct vsa_cache_entry *entry = atomic_load(&cache->slots[i]);
        if (!entry)
            return i;
        uint_fast64_t use = atomic_load_explicit(&entry->last_use, memory_order_relaxed);
        if (use < oldest_use) {
            oldest = i;
            oldest_use = use;
        }
    }
    return oldest;
}

/* Frees what no reader can be using. */
static void reclaim(struct vsa_cache *cache)
{
    if (atomic_load(&cache->readers) == 0)
        free_retired(cache);
}

static void insert(struct vsa_cache *cache, const struct vsa_path_node *node)
{
    reclaim(cache);
    /* Two threads may have verified the same path at once. */
    if (find_entry(cache, node->path_digest) || cache->retired_count == VSA_MAX_CACHED_CERTIFICATES)
        return;
    struct vsa_cache_entry *entry = new_entry(cache, node);
    if (!entry)
        return;
    struct vsa_cache_entry *old = atomic_exchange(&cache->slots[oldest_slot(cache)], entry);
    if (!old)
        return;
    old->next_retired = cache->retired;
    cache->retired = old;
    cache->retired_count++;
    reclaim(cache);
}

void vsa_cache_insert(struct vsa_cache *cache, const struct vsa_path_node *node)
{
    (void)pthread_mutex_lock(&cache->lock);
    insert(cache, node);
    (void)pthread_mutex_unlock(&cache->lock);
}
