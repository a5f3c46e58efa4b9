/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate path [root, cabundle[1..], leaf], in exactly that order (RFC 5280 section 6.1).
 */
#ifndef VSA_ATTESTATION_CHAIN_H
#define VSA_ATTESTATION_CHAIN_H

#include "attestation/cache.h"

/* A trust anchor: the first node of every path, and the bytes that cabundle[0] must equal. */
struct vsa_anchor {
    struct vsa_path_node node;
    uint8_t *der; /* owned */
    size_t der_size;
};

/* When a path is judged. */
struct vsa_chain_time {
    int64_t now_ms;      /* milliseconds since 1970 */
    int64_t max_skew_ms; /* a certificate may begin this much later than `now_ms` */
};

/* Checks that `file` (PEM or DER) is a self-signed P-384 CA. The anchor is the caller's. */
VSA_MUST_USE enum vsa_status vsa_anchor_load(struct vsa_slice file, struct vsa_anchor *anchor,
                                             struct vsa_error *error);
void vsa_anchor_unload(struct vsa_anchor *anchor);

/*
 * A certificate that holds in all but its signature, which is still to be checked. Only
 * vsa_chain_run_checks() puts it into the cache.
 */
struct vsa_unchecked_node {
    struct vsa_path_node node;
    struct vsa_certificate *issuer; /* a reference: the check borrows its key */
    struct vsa_signature_check check;
    bool cached;
};

/* Those of all documents of a batch: what several have in common is checked once. */
struct vsa_unchecked_nodes {
    struct vsa_unchecked_node *nodes; /* the caller's, VSA_MAX_CABUNDLE for each document */
    size_t count;
    size_t capacity;
};

/* Releases what the nodes hold; none is left. */
void vsa_unchecked_nodes_clear(struct vsa_unchecked_nodes *nodes);

struct vsa_chain_step {
    size_t level; /* in the path; the root's is 0 */
    struct vsa_unchecked_node *unchecked;
};

/* The path of one document, as far as it was walked. */
struct vsa_chain {
    struct vsa_certificate *leaf; /* a reference; NULL where the walk ended above it */
    size_t leaf_level;
    size_t step_count;
    struct vsa_chain_step steps[VSA_MAX_CABUNDLE]; /* those that were not in the cache */
};

struct vsa_chain_context {
    struct vsa_cache *cache;
    struct vsa_unchecked_nodes *unchecked;
    struct vsa_chain_time time;
};

/*
 * Walks the path of `document` from `anchor`: checks all but the signatures, and collects these.
 *
 * chain  out: also on failure, with the steps above the certificate that failed, whose signatures
 *             come first; vsa_chain_release() frees it
 *
 * Errors: class syntax or trust; the detail names the certificate.
 */
VSA_MUST_USE enum vsa_status vsa_chain_collect(const struct vsa_chain_context *context,
                                               const struct vsa_anchor *anchor,
                                               const struct vsa_unverified_document *document,
                                               struct vsa_chain *chain, struct vsa_error *error);

/*
 * Checks the signatures that were collected, from the root down, and caches what holds. Ends at the
 * first that does not. Errors: VSA_ERR_CHAIN, VSA_ERR_CRYPTO; the detail names the certificate.
 */
VSA_MUST_USE enum vsa_status vsa_chain_run_checks(struct vsa_cache *cache,
                                                  const struct vsa_chain *chain,
                                                  struct vsa_error *error);

void vsa_chain_release(struct vsa_chain *chain);

#endif
