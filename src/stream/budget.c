/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/budget.h"

static size_t class_of(size_t bytes)
{
    size_t power = 0;
    while (power < VSA_BUDGET_CLASSES - 1 && bytes >> power > 1)
        power++;
    return power;
}

static void publish(struct vsa_budget *budget)
{
    vsa_counter_set(&budget->used, budget->held + budget->charged);
}

bool vsa_budget_allows(const struct vsa_budget *budget, size_t before, size_t after)
{
    size_t held = budget->held - before + after;
    return after <= before ||
           (held <= budget->limit - budget->limit / 4 && held <= budget->limit - budget->charged);
}

void vsa_budget_change(struct vsa_budget *budget, struct vsa_link *place, size_t before,
                       size_t after)
{
    bool moves = before == 0 || after == 0 || class_of(before) != class_of(after);
    if (before == after)
        return;
    budget->held = budget->held - before + after;
    publish(budget);
    if (moves)
        vsa_list_remove(place);
    if (moves && after > 0)
        vsa_list_append(&budget->classes[class_of(after)], place);
}

struct vsa_link *vsa_budget_largest(const struct vsa_budget *budget, size_t bytes)
{
    struct vsa_link *place = NULL;
    for (size_t i = VSA_BUDGET_CLASSES; i-- > class_of(bytes) + 1 && !place;)
        place = vsa_list_first(&budget->classes[i]);
    return place;
}

bool vsa_budget_charge(struct vsa_budget *budget, size_t bytes)
{
    if (bytes > budget->limit - budget->charged ||
        budget->held > budget->limit - budget->charged - bytes)
        return false;
    budget->charged += bytes;
    publish(budget);
    return true;
}

void vsa_budget_refund(struct vsa_budget *budget, size_t bytes)
{
    budget->charged -= bytes;
    publish(budget);
}
