/* SPDX-License-Identifier: Apache-2.0 */
#include "attestation/cache.h"

struct vsa_path_key vsa_path_key_below(const struct vsa_path_node *above, struct vsa_slice der,
                                       bool is_leaf)
{
    struct vsa_path_key key = {.der = der, .is_leaf = is_leaf};
    memcpy(key.above, above->path_digest, sizeof(key.above));
    if (der.size >= sizeof(key.ending))
        memcpy(&key.ending, der.data + der.size - sizeof(key.ending), sizeof(key.ending));
    return key;
}

void vsa_path_node_release(struct vsa_path_node *node)
{
    vsa_certificate_release(node->certificate);
    node->certificate = NULL;
}

/* Of a cache that is larger than one set of the default size; a lookup looks at all of a set. */
#define LARGE_CACHE_WAYS 16

static void free_entry(struct vsa_cache_entry *entry)
{
    if (entry)
        vsa_path_node_release(&entry->node);
    free(entry);
}

static void free_slots(struct vsa_cache *cache)
{
    for (size_t i = 0; i < cache->sets * cache->ways; i++)
        free_entry(atomic_load(&cache->slots[i]));
    free(cache->slots);
}

bool vsa_cache_resize(struct vsa_cache *cache, size_t certificates)
{
    size_t ways = certificates > VSA_DEFAULT_CACHED_CERTIFICATES ? LARGE_CACHE_WAYS
                                                                 : VSA_DEFAULT_CACHED_CERTIFICATES;
    size_t sets = 1;
    while (sets * ways < certificates)
        sets *= 2;
    _Atomic(struct vsa_cache_entry *) *slots = calloc(sets * ways, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < sets * ways; i++)
        atomic_init(&slots[i], NULL);
    free_slots(cache);
    cache->slots = slots;
    cache->sets = sets;
    cache->ways = ways;
    return true;
}

bool vsa_cache_init(struct vsa_cache *cache)
{
    memset(cache, 0, sizeof(*cache));
    if (!vsa_cache_resize(cache, VSA_DEFAULT_CACHED_CERTIFICATES))
        return false;
    atomic_init(&cache->readers, 0);
    atomic_init(&cache->uses, 0);
    atomic_init(&cache->hits, 0);
    atomic_init(&cache->misses, 0);
    /* Cannot fail with default attributes (glibc and musl). */
    (void)pthread_mutex_init(&cache->lock, NULL);
    return true;
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
    free_slots(cache);
    free_retired(cache);
    (void)pthread_mutex_destroy(&cache->lock);
}

/* Returns the first of the slots where a key can be. */
static _Atomic(struct vsa_cache_entry *) *set_of(struct vsa_cache *cache,
                                                 const struct vsa_path_key *key)
{
    return &cache->slots[(key->ending & (cache->sets - 1)) * cache->ways];
}

/* Returns the entry or NULL; valid while the caller is a reader or holds the lock. */
static struct vsa_cache_entry *find_entry(struct vsa_cache *cache, const struct vsa_path_key *key)
{
    _Atomic(struct vsa_cache_entry *) *set = set_of(cache, key);
    for (size_t i = 0; i < cache->ways; i++) {
        struct vsa_cache_entry *entry = atomic_load(&set[i]);
        if (entry && vsa_path_key_equal(&entry->node.key, key))
            return entry;
    }
    return NULL;
}

static uint_fast64_t next_use(struct vsa_cache *cache)
{
    return atomic_fetch_add_explicit(&cache->uses, 1, memory_order_relaxed) + 1;
}

bool vsa_cache_find(struct vsa_cache *cache, const struct vsa_path_key *key,
                    struct vsa_path_node *node)
{
    (void)atomic_fetch_add(&cache->readers, 1);
    struct vsa_cache_entry *entry = find_entry(cache, key);
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

/* Returns an empty slot of a set, else the least recently used one. */
static _Atomic(struct vsa_cache_entry *) *oldest_slot(_Atomic(struct vsa_cache_entry *) *set,
                                                      size_t ways)
{
    size_t oldest = 0;
    uint_fast64_t oldest_use = UINT_FAST64_MAX;
    for (size_t i = 0; i < ways; i++) {
        struct vsa_cache_entry *entry = atomic_load(&set[i]);
        if (!entry)
            return &set[i];
        uint_fast64_t use = atomic_load_explicit(&entry->last_use, memory_order_relaxed);
        if (use < oldest_use) {
            oldest = i;
            oldest_use = use;
        }
    }
    return &set[oldest];
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
    if (find_entry(cache, &node->key) || cache->retired_count == VSA_CACHE_MAX_RETIRED)
        return;
    struct vsa_cache_entry *entry = new_entry(cache, node);
    if (!entry)
        return;
    struct vsa_cache_entry *old =
        atomic_exchange(oldest_slot(set_of(cache, &node->key), cache->ways), entry);
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
