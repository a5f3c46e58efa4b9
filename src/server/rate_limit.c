/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rate_limit.h"

/* Thousandths of a token. */
#define TOKEN INT64_C(1000)

/* A clock that went back gives nothing, and takes nothing away. */
static void refill(struct vsa_bucket *bucket, int64_t rate, int64_t now_ms)
{
    uint64_t passed_ms = 0;
    if (now_ms > bucket->updated_ms)
        passed_ms = (uint64_t)now_ms - (uint64_t)bucket->updated_ms;
    bucket->updated_ms = now_ms;
    /* Compared before it is multiplied: any time may have passed. */
    if (passed_ms > (uint64_t)(bucket->taken_milli / rate))
        bucket->taken_milli = 0;
    else
        bucket->taken_milli -= (int64_t)passed_ms * rate;
}

/* A new CID takes the entry of one whose bucket is full, which is as good as new. */
static struct vsa_bucket *bucket_of(struct vsa_rate_limit *limit, uint64_t peer,
                                    struct vsa_bucket *own, int64_t now_ms)
{
    size_t place = limit->count;
    if (peer > UINT32_MAX)
        return own;
    for (size_t i = 0; i < limit->count; i++)
        if (limit->entries[i].peer == peer)
            return &limit->entries[i].bucket;
    for (size_t i = 0; i < limit->count && place == limit->count; i++) {
        refill(&limit->entries[i].bucket, limit->rate, now_ms);
        if (limit->entries[i].bucket.taken_milli == 0)
            place = i;
    }
    if (place == VSA_MAX_LIMITED_PEERS)
        return &limit->others;
    limit->count += place == limit->count;
    limit->entries[place].peer = peer;
    limit->entries[place].bucket = (struct vsa_bucket){0};
    return &limit->entries[place].bucket;
}

int64_t vsa_rate_limit_take(struct vsa_rate_limit *limit, uint64_t peer, struct vsa_bucket *own,
                            int64_t now_ms)
{
    if (limit->rate == 0)
        return 0;
    struct vsa_bucket *bucket = bucket_of(limit, peer, own, now_ms);
    refill(bucket, limit->rate, now_ms);
    int64_t missing = bucket->taken_milli - (limit->burst - 1) * TOKEN;
    /* Rounded up: a token must really be there then. */
    if (missing > 0)
        return (missing + limit->rate - 1) / limit->rate;
    bucket->taken_milli += TOKEN;
    return 0;
}

void vsa_rate_limit_give_back(struct vsa_rate_limit *limit, uint64_t peer, struct vsa_bucket *own,
                              int64_t now_ms)
{
    if (limit->rate == 0)
        return;
    struct vsa_bucket *bucket = bucket_of(limit, peer, own, now_ms);
    bucket->taken_milli = bucket->taken_milli > TOKEN ? bucket->taken_milli - TOKEN : 0;
}
