/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rate_limit.h"

/*
 * Returns the CID's bucket. A new CID takes the entry of one whose bucket is full, which is as good
 * as new.
 */
static struct vsa_bucket *bucket_of(struct vsa_rate_limit *limit, uint32_t cid,
                                    struct vsa_bucket *own, int64_t now_ms)
{
    size_t place = limit->count;
    if (cid == 0)
        return own;
    for (size_t i = 0; i < limit->count; i++)
        if (limit->entries[i].cid == cid)
            return &limit->entries[i].bucket;
    for (size_t i = 0; i < limit->count && place == limit->count; i++)
        if (vsa_bucket_is_full(&limit->entries[i].bucket, limit->rate, now_ms))
            place = i;
    if (place == VSA_MAX_LIMITED_PEERS)
        return &limit->others;
    limit->count += place == limit->count;
    limit->entries[place].cid = cid;
    limit->entries[place].bucket = (struct vsa_bucket){0};
    return &limit->entries[place].bucket;
}

int64_t vsa_rate_limit_take(struct vsa_rate_limit *limit, uint32_t cid, struct vsa_bucket *own,
                            int64_t now_ms)
{
    if (limit->rate == 0)
        return 0;
    struct vsa_bucket *bucket = bucket_of(limit, cid, own, now_ms);
    return vsa_bucket_take(bucket, limit->rate, limit->burst, now_ms);
}

void vsa_rate_limit_give_back(struct vsa_rate_limit *limit, uint32_t cid, struct vsa_bucket *own,
                              int64_t now_ms)
{
    if (limit->rate != 0)
        vsa_bucket_return(bucket_of(limit, cid, own, now_ms));
}
