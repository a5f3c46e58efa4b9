/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which `attest` requests may have the same document: what is kept of earlier ones (if that is on),
 * and calls that are under way. Times are the caller's, monotonic.
 */
#ifndef VSA_SERVER_SHARING_H
#define VSA_SERVER_SHARING_H

#include <stdbool.h>

#include "protocol/attest.h"
#include "server/reply_cache.h"

struct vsa_share_key {
    uint8_t digest[VSA_SHA384_SIZE];
};

/* What is under way. Embed it. Zeroed: in no list. */
struct vsa_share {
    struct vsa_share_key key;
    struct vsa_share *next;
    bool listed;
};

/* Zeroed but for the first: nothing is kept or under way. */
struct vsa_sharing {
    int64_t ttl_ms; /* how long replies are kept; 0: not */
    struct vsa_reply_cache cache;
    struct vsa_share *under_way;
};

/*
 * Returns whether such a request may share: with neither nonce nor key. Then the key is the same
 * for all that may have the same document.
 */
bool vsa_share_key_of(const struct vsa_attest_request *request, struct vsa_share_key *key);

/* Returns for how many milliseconds the document may be given again; 0: not at all. */
int64_t vsa_share_life_ms(struct vsa_slice document);

/* Adds to what is under way; takes out again, if it is in there. */
void vsa_sharing_begin(struct vsa_sharing *sharing, struct vsa_share *share,
                       const struct vsa_share_key *key);
void vsa_sharing_end(struct vsa_sharing *sharing, struct vsa_share *share);
/* Returns what is under way with that key, or NULL. */
struct vsa_share *vsa_sharing_find(const struct vsa_sharing *sharing,
                                   const struct vsa_share_key *key);

/* Keeps a reply's text for what is under way, if replies are kept. */
void vsa_sharing_keep(struct vsa_sharing *sharing, const struct vsa_share *share,
                      struct vsa_slice text, int64_t made_ms, int64_t life_ms);

#endif
