/* SPDX-License-Identifier: Apache-2.0 */
#include "server/bucket.h"

/* Thousandths of a token. */
#define TOKEN INT64_C(1000)

/* A clock that went back gives nothing, and takes nothing away. */
static void refill(struct vsa_bucket *bucket, const struct vsa_bucket_rule *rule, int64_t now_ms)
{
    uint64_t passed_ms = 0;
    if (now_ms > bucket->updated_ms)
        passed_ms = (uint64_t)now_ms - (uint64_t)bucket->updated_ms;
    bucket->updated_ms = now_ms;
    /* Compared before it is multiplied: any time may have passed. */
    if (passed_ms > (uint64_t)(bucket->taken_milli / rule->rate))
        bucket->taken_milli = 0;
    else
        bucket->taken_milli -= (int64_t)passed_ms * rule->rate;
}

int64_t vsa_bucket_wait_ms(struct vsa_bucket *bucket, const struct vsa_bucket_rule *rule,
                           int64_t now_ms)
{
    if (rule->rate == 0)
        return 0;
    refill(bucket, rule, now_ms);
    int64_t missing = bucket->taken_milli - (rule->burst - 1) * TOKEN;
    /* Rounded up: a token must really be there then. */
    return missing > 0 ? (missing + rule->rate - 1) / rule->rate : 0;
}

void vsa_bucket_take(struct vsa_bucket *bucket, const struct vsa_bucket_rule *rule, int64_t now_ms)
{
    if (rule->rate == 0)
        return;
    refill(bucket, rule, now_ms);
    bucket->taken_milli += TOKEN;
}

bool vsa_bucket_is_full(struct vsa_bucket *bucket, const struct vsa_bucket_rule *rule,
                        int64_t now_ms)
{
    if (rule->rate == 0)
        return true;
    refill(bucket, rule, now_ms);
    return bucket->taken_milli == 0;
}
