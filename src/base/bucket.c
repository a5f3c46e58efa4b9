/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bucket.h"

/* Thousandths of a token. */
#define TOKEN INT64_C(1000)

/* Adds the tokens of the time since the last call; none if the clock went back. */
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

int64_t vsa_bucket_take(struct vsa_bucket *bucket, int64_t rate, int64_t burst, int64_t now_ms)
{
    refill(bucket, rate, now_ms);
    int64_t missing = bucket->taken_milli - (burst - 1) * TOKEN;
    /* Rounded up: a token must really be there then. */
    if (missing > 0)
        return (missing + rate - 1) / rate;
    bucket->taken_milli += TOKEN;
    return 0;
}

void vsa_bucket_return(struct vsa_bucket *bucket)
{
    bucket->taken_milli = bucket->taken_milli > TOKEN ? bucket->taken_milli - TOKEN : 0;
}

bool vsa_bucket_is_full(struct vsa_bucket *bucket, int64_t rate, int64_t now_ms)
{
    refill(bucket, rate, now_ms);
    return bucket->taken_milli == 0;
}
