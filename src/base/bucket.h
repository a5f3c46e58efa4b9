/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets: a rate in the long run, and a burst at once. Whole numbers only: N tokens a second
 * are N thousandths of a token a millisecond.
 */
#ifndef VSA_BASE_BUCKET_H
#define VSA_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: full. */
struct vsa_bucket {
    int64_t taken_milli; /* thousandths of tokens that are missing */
    int64_t updated_ms;  /* when that was so; monotonic */
};

/*
 * Takes a token: returns 0, or after how many milliseconds there is one.
 *
 * rate   in: tokens a second, 1..VSA_MAX_RATE_LIMIT
 * burst  in: tokens of a full bucket, 1..VSA_MAX_RATE_LIMIT
 */
int64_t vsa_bucket_take(struct vsa_bucket *bucket, int64_t rate, int64_t burst, int64_t now_ms);

/* Gives a token back that was taken. */
void vsa_bucket_return(struct vsa_bucket *bucket);

/* Returns whether it is full, which is as good as new. */
bool vsa_bucket_is_full(struct vsa_bucket *bucket, int64_t rate, int64_t now_ms);

#endif
