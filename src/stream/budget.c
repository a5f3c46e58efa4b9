/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/budget.h"

#include "base/container_of.h"

static size_t class_of(size_t bytes)
{
    size_t power = 0;
    while (power < VSA_BUDGET_CLASSES - 1 && bytes >> power > 1)
        power++;
    return power;
}

void vsa_budget_init(struct vsa_budget *budget, size_t limit)
{
    budget->limit = limit;
    budget->held = 0;
    budget->waited = 0;
    for (size_t i = 0; i < VSA_BUDGET_CLASSES; i++)
        vsa_timer_list_init(&budget->classes[i], VSA_TIMER_NEVER, NULL, NULL);
}

bool vsa_budget_allows(const struct vsa_budget *budget, const struct vsa_budget_share *share,
                       size_t bytes)
{
    size_t held = budget->held - share->bytes + bytes;
    return bytes <= share->bytes ||
           (held <= budget->limit - budget->limit / 4 && held <= budget->limit - budget->waited);
}

void vsa_budget_set(struct vsa_budget *budget, struct vsa_budget_share *share, size_t bytes)
{
    bool moves = class_of(bytes) != class_of(share->bytes) || !vsa_timer_runs(&share->place);
    if (bytes == share->bytes)
        return;
    budget->held = budget->held - share->bytes + bytes;
    share->bytes = bytes;
    if (bytes == 0)
        vsa_timer_stop(&share->place);
    else if (moves)
        vsa_timer_start(&budget->classes[class_of(bytes)], &share->place, 0);
}

struct vsa_budget_share *vsa_budget_largest(const struct vsa_budget *budget, size_t bytes)
{
    for (size_t i = VSA_BUDGET_CLASSES; i-- > class_of(bytes) + 1;) {
        struct vsa_timer *place = vsa_timer_first(&budget->classes[i]);
        if (place)
            return VSA_CONTAINER_OF(place, struct vsa_budget_share, place);
    }
    return NULL;
}

bool vsa_budget_charge(struct vsa_budget *budget, size_t bytes)
{
    if (bytes > budget->limit - budget->waited ||
        budget->held > budget->limit - budget->waited - bytes)
        return false;
    budget->waited += bytes;
    return true;
}

void vsa_budget_refund(struct vsa_budget *budget, size_t bytes)
{
    budget->waited -= bytes;
}
