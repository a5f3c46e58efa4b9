/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of all streams under one limit, and who has to give way when it is reached: the holder of
 * most, not the one who comes last. A quarter is kept for requests that are complete, so that
 * unfinished lines and unread replies cannot take all of it.
 */
#ifndef VSA_STREAM_BUDGET_H
#define VSA_STREAM_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

#include "event/timer.h"

/* Powers of two up to 2^20: a line and the replies to one turn have less. */
#define VSA_BUDGET_CLASSES 21

/* What one holder has. Zeroed: nothing. */
struct vsa_budget_share {
    struct vsa_timer place; /* in its class */
    size_t bytes;
};

struct vsa_budget {
    size_t limit;  /* bytes, of holders and requests */
    size_t held;   /* by holders */
    size_t waited; /* by requests */
    struct vsa_timer_list
        classes[VSA_BUDGET_CLASSES]; /* holders by the power of two of their bytes */
};

void vsa_budget_init(struct vsa_budget *budget, size_t limit);

/* Whether a holder may have so many bytes instead of what it has. */
bool vsa_budget_allows(const struct vsa_budget *budget, const struct vsa_budget_share *share,
                       size_t bytes);

/* Notes what a holder has now. */
void vsa_budget_set(struct vsa_budget *budget, struct vsa_budget_share *share, size_t bytes);

/* A holder that has more than `bytes`, to the power of two: the one that had most for longest. */
struct vsa_budget_share *vsa_budget_largest(const struct vsa_budget *budget, size_t bytes);

/* Memory for a complete request; false when there is none. */
bool vsa_budget_charge(struct vsa_budget *budget, size_t bytes);
void vsa_budget_refund(struct vsa_budget *budget, size_t bytes);

#endif
