/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of all streams under one limit, and which of them gives way when it is reached: the holder
 * of most, not the one that comes last. A quarter is kept for requests that are complete, so that
 * unfinished lines and unread replies cannot take all of it.
 */
#ifndef VSA_STREAM_BUDGET_H
#define VSA_STREAM_BUDGET_H

#include "base/counter.h"
#include "base/list.h"

/* Powers of two up to 2^20: a line and the replies to one turn have less. */
#define VSA_BUDGET_CLASSES 21

/* Zeroed but for the first: nothing is used. */
struct vsa_budget {
    size_t limit;                                /* bytes, of holders and requests */
    size_t held;                                 /* bytes of holders */
    size_t charged;                              /* bytes of requests */
    vsa_counter used;                            /* both, for other threads */
    struct vsa_link classes[VSA_BUDGET_CLASSES]; /* holders by the power of two of their bytes */
};

/* Returns whether a holder may have `after` bytes instead of `before`. */
bool vsa_budget_allows(const struct vsa_budget *budget, size_t before, size_t after);
/* Records that a holder, which embeds `place`, has `after` bytes instead of `before`. */
void vsa_budget_change(struct vsa_budget *budget, struct vsa_link *place, size_t before,
                       size_t after);
/* Returns a holder of more than `bytes`, to the power of two: the one that has had most longest. */
struct vsa_link *vsa_budget_largest(const struct vsa_budget *budget, size_t bytes);

/* Takes memory for a complete request; false when there is none. */
bool vsa_budget_charge(struct vsa_budget *budget, size_t bytes);
/* Returns what was charged. */
void vsa_budget_refund(struct vsa_budget *budget, size_t bytes);

#endif
