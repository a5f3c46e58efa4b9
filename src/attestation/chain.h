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
 * Validates the path of `document` from `anchor` at `time`. `*leaf` gets a reference to its last
 * certificate. Errors: class syntax or trust; the detail names the certificate.
 */
VSA_MUST_USE enum vsa_status vsa_chain_validate(struct vsa_cache *cache,
                                                const struct vsa_anchor *anchor,
                                                const struct vsa_unverified_document *document,
                                                const struct vsa_chain_time *time,
                                                struct vsa_path_node *leaf,
                                                struct vsa_error *error);

#endif
