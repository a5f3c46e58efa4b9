/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which `attest` requests may have the same document: what is kept of earlier ones (if that is on),
 * bounded in number and bytes, and calls that are under way. Nothing of it is secret: all of it
 * goes over the wire. Times are the caller's, monotonic.
 */
#ifndef VSA_SERVER_SHARING_H
#define VSA_SERVER_SHARING_H

#include <stdbool.h>

#include "base/list.h"
#include "crypto/digest.h"
#include "protocol/attest.h"

struct vsa_share_key {
    uint8_t digest[VSA_SHA384_SIZE];
};

/* What is under way. Embed it. Zeroed: in no list. */
struct vsa_share {
    struct vsa_share_key key;
    struct vsa_link place; /* the loop's: it changes whenever a neighbour leaves the list */
    bool may_be_kept;      /* set once, for the thread that makes the document */
};

/* Zeroed but for the first: nothing is kept or under way. */
struct vsa_sharing {
    int64_t ttl_ms; /* how long replies are kept; 0: not */
    struct vsa_link under_way;
    struct vsa_link kept; /* the one used last first; the last makes room */
    size_t kept_count;
    size_t kept_bytes; /* of their texts */
};

/* A reply that may be given again. */
struct vsa_kept_reply {
    struct vsa_link place;
    struct vsa_share_key key;
    int64_t made_ms;
    int64_t expires_ms; /* not to be given from then on */
    size_t size;
    char text[];
};

/*
 * Returns whether such a request may share: with neither nonce nor key. Then the key is the same
 * for all that may have the same document.
 */
bool vsa_share_key_of(const struct vsa_attest_request *request, struct vsa_share_key *key);

/* Returns for how many milliseconds the document may be given again; 0: not at all. */
int64_t vsa_share_life_ms(struct vsa_slice document);

/* Adds to what is under way; vsa_list_remove() of its place ends that. */
void vsa_sharing_begin(struct vsa_sharing *sharing, struct vsa_share *share,
                       const struct vsa_share_key *key);
/* Returns what is under way with that key, the newest, or NULL. */
struct vsa_share *vsa_sharing_find(const struct vsa_sharing *sharing,
                                   const struct vsa_share_key *key);

/* Returns what is kept with that key and still good, valid until the next call; or NULL. */
const struct vsa_kept_reply *vsa_sharing_find_kept(struct vsa_sharing *sharing,
                                                   const struct vsa_share_key *key, int64_t now_ms);

/* Keeps a copy of a reply's text for what is under way, if replies are kept, and memory allows. */
void vsa_sharing_keep(struct vsa_sharing *sharing, const struct vsa_share *share,
                      struct vsa_slice text, int64_t made_ms, int64_t life_ms);
/* Frees what is kept. */
void vsa_sharing_drop_kept(struct vsa_sharing *sharing);

#endif
