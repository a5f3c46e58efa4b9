/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that verified up to a trust anchor, so that they need not be parsed and checked
 * again. An entry stands for one certificate at the end of one exact path: its key has all bytes of
 * it and a digest of all bytes above. Only the result for signature and profile is cached; the
 * caller checks validity at every use. Bounded; evicts the least recently used entry, of a larger
 * cache the least recently used one of those whose certificates end alike.
 *
 * Shared by all threads. Looking up takes no lock: entries never change, and a slot is one atomic
 * pointer. Readers are counted. An insertion, under a lock, takes the old entry out of its slot and
 * frees it only when it then sees no reader: a later reader cannot find it any more. A lookup takes
 * a microsecond, and an insertion follows a signature check, so that moment is seldom far; until
 * then a bounded number of old entries waits, and beyond it new ones are not cached.
 */
#ifndef VSA_ATTESTATION_CACHE_H
#define VSA_ATTESTATION_CACHE_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/slice.h"
#include "crypto/digest.h"
#include "x509/certificate.h"
#include <vsattest/attestation.h>

/*
 * A certificate in its place. Looking up compares bytes, which costs a hundredth of a digest of
 * them. The role is part of the key: a leaf's checks must never stand in for a CA's.
 */
struct vsa_path_key {
    uint8_t above[VSA_SHA384_SIZE]; /* path_digest of the node above */
    struct vsa_slice der;           /* borrowed: of a node, from its certificate */
    uint64_t ending;                /* the last bytes of `der`, a signature's: evenly spread */
    bool is_leaf;
};

/* A certificate that is trusted to be what it says, at the end of a verified path. */
struct vsa_path_node {
    struct vsa_path_key key;
    uint8_t path_digest[VSA_SHA384_SIZE]; /* SHA384(role || above || DER), from the root down */
    struct vsa_certificate *certificate;  /* a reference, owned by the holder of the node */
    int cas_allowed_below;                /* what path lengths above and here leave; leaf: 0 */
};

struct vsa_cache_entry {
    struct vsa_path_node node;
    atomic_uint_fast64_t last_use; /* all that changes in an entry that can be found */
    struct vsa_cache_entry *next_retired;
};

struct vsa_cache {
    /* Sequentially consistent, both: a reader counts itself before it looks, an inserter changes
     * a slot before it reads the count. */
    atomic_uint_fast64_t readers;
    size_t sets;                              /* a power of two; a key belongs to one of them */
    size_t ways;                              /* slots of each */
    _Atomic(struct vsa_cache_entry *) *slots; /* owned */
    atomic_uint_fast64_t uses;
    atomic_uint_fast64_t hits;
    atomic_uint_fast64_t misses;
    pthread_mutex_t lock; /* of insertions, and of what follows */
    struct vsa_cache_entry *retired;
    size_t retired_count; /* at most VSA_CACHE_MAX_RETIRED */
};

#define VSA_CACHE_MAX_RETIRED 64

/*
 * Makes a cache of VSA_DEFAULT_CACHED_CERTIFICATES. Returns false without memory; then there is
 * nothing to clear.
 */
VSA_MUST_USE bool vsa_cache_init(struct vsa_cache *cache);
/*
 * Makes room for `certificates` or some more, up to VSA_MAX_CACHED_CERTIFICATES, and forgets those
 * that were there. No other thread may use the cache. Returns false without memory; then it is as
 * it was.
 */
VSA_MUST_USE bool vsa_cache_resize(struct vsa_cache *cache, size_t certificates);
/* Frees all entries. No thread may use the cache any more. */
void vsa_cache_clear(struct vsa_cache *cache);

/* Returns the key of a certificate below a node. It borrows `der`. */
struct vsa_path_key vsa_path_key_below(const struct vsa_path_node *above, struct vsa_slice der,
                                       bool is_leaf);
static inline bool vsa_path_key_equal(const struct vsa_path_key *a, const struct vsa_path_key *b)
{
    return a->ending == b->ending && a->is_leaf == b->is_leaf &&
           memcmp(a->above, b->above, sizeof(a->above)) == 0 && vsa_slice_equal(a->der, b->der);
}

/* Looks up a path. On a hit sets `*node` with a reference that the caller releases. */
bool vsa_cache_find(struct vsa_cache *cache, const struct vsa_path_key *key,
                    struct vsa_path_node *node);
/* Counts a certificate that the caller found among those that it is about to insert. */
void vsa_cache_count_hit(struct vsa_cache *cache);
/* Takes a reference of its own. Forgets instead of failing. */
void vsa_cache_insert(struct vsa_cache *cache, const struct vsa_path_node *node);

void vsa_path_node_release(struct vsa_path_node *node);

#endif
