/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets: so many requests a second in the long run, so many at once. Whole numbers only:
 * a rate of N tokens a second is N thousandths of a token a millisecond.
 */
#ifndef VSA_SERVER_BUCKET_H
#define VSA_SERVER_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* One for all buckets of a server. */
struct vsa_bucket_rule {
    int64_t rate;  /* tokens a second, 1..VSA_MAX_RATE_LIMIT; 0: no limit at all */
    int64_t burst; /* tokens of a full bucket, 1..VSA_MAX_RATE_LIMIT */
};

/* Zeroed: full. */
struct vsa_bucket {
    int64_t taken_milli; /* thousandths of tokens that are missing; 0: full */
    int64_t updated_ms;  /* when that was true; monotonic */
};

/* Milliseconds until a token is there; 0: one is. */
int64_t vsa_bucket_wait_ms(struct vsa_bucket *bucket, const struct vsa_bucket_rule *rule,
                           int64_t now_ms);

/* Takes a token that vsa_bucket_wait_ms() has just seen. */
void vsa_bucket_take(struct vsa_bucket *bucket, const struct vsa_bucket_rule *rule, int64_t now_ms);

/* Whether it may be forgotten: a new one would be the same. */
bool vsa_bucket_is_full(struct vsa_bucket *bucket, const struct vsa_bucket_rule *rule,
                        int64_t now_ms);

#endif
