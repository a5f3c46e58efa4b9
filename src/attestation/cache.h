/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that verified up to a trust anchor, so that they need not be parsed and checked
 * again. An entry stands for one certificate at the end of one exact path: its key is the digest
 * of every byte from the root down to it. Only signature and profile are remembered; validity is
 * checked by the caller at every use. Bounded; the entry unused for longest goes first.
 */
#ifndef VSA_ATTESTATION_CACHE_H
#define VSA_ATTESTATION_CACHE_H

#include <pthread.h>

#include "crypto/certificate.h"
#include "crypto/digest.h"
#include <vsattest/attestation.h>

/* A certificate that is trusted to be what it says, at the end of a verified path. */
struct vsa_path_node {
    uint8_t path_digest[VSA_SHA384_SIZE]; /* SHA384(digest above || DER), from the root down */
    struct vsa_certificate *certificate;  /* a reference, owned by whoever holds the node */
    int cas_allowed_below;                /* what path lengths above and here leave; leaf: 0 */
};

struct vsa_cache_entry {
    struct vsa_path_node node; /* certificate NULL: empty */
    uint64_t last_use;
};

struct vsa_cache {
    pthread_mutex_t lock;
    uint64_t uses;
    struct vsa_verifier_statistics statistics;
    struct vsa_cache_entry entries[VSA_MAX_CACHED_CERTIFICATES];
};

void vsa_cache_init(struct vsa_cache *cache);
void vsa_cache_clear(struct vsa_cache *cache);

/* On a hit `*node` holds a reference of the caller's. */
bool vsa_cache_find(struct vsa_cache *cache, const uint8_t path_digest[VSA_SHA384_SIZE],
                    struct vsa_path_node *node);
/* Takes a reference of its own. */
void vsa_cache_insert(struct vsa_cache *cache, const struct vsa_path_node *node);

void vsa_path_node_release(struct vsa_path_node *node);

#endif
