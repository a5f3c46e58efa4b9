/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets: so many requests a second in the long run, so many at once, for each CID, however
 * many connections it makes; a peer without a CID brings a bucket of its own. In an enclave every
 * client has the parent's CID: there it is one limit for all of them together, which leaves the NSM
 * to the enclave's own work.
 */
#ifndef VSA_SERVER_RATE_LIMIT_H
#define VSA_SERVER_RATE_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"
#include <vsattest/limits.h>

/* Zeroed but for the first two: no CID is known. */
struct vsa_rate_limit {
    int64_t rate;  /* tokens a second, 1..VSA_MAX_RATE_LIMIT; 0: no limit at all */
    int64_t burst; /* tokens of a full bucket, 1..VSA_MAX_RATE_LIMIT */
    struct {
        uint32_t cid;
        struct vsa_bucket bucket;
    } entries[VSA_MAX_LIMITED_PEERS]; /* outlive connections: hanging up fills no bucket */
    size_t count;
    struct vsa_bucket others; /* shared by CIDs that find no entry */
};

/*
 * Takes a token: returns 0, or after how many milliseconds there is one.
 *
 * cid  in: of the peer; 0: it has none
 * own  in/out: the peer's bucket, if it has no CID
 */
int64_t vsa_rate_limit_take(struct vsa_rate_limit *limit, uint32_t cid, struct vsa_bucket *own,
                            int64_t now_ms);
/* Gives a token back that was taken just now: the request was not carried out. */
void vsa_rate_limit_give_back(struct vsa_rate_limit *limit, uint32_t cid, struct vsa_bucket *own,
                              int64_t now_ms);

#endif
