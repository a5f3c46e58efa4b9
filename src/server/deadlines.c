/* SPDX-License-Identifier: Apache-2.0 */
#include "server/deadlines.h"

#include <stddef.h>

void vsa_deadlines_init(struct vsa_deadline_list *list, int64_t duration_ms,
                        void (*expired)(void *user, struct vsa_deadline *entry))
{
    list->head.previous = &list->head;
    list->head.next = &list->head;
    list->head.at_ms = VSA_DEADLINE_NEVER;
    list->duration_ms = duration_ms;
    list->expired = expired;
}

void vsa_deadlines_remove(struct vsa_deadline *entry)
{
    if (!entry->next)
        return;
    entry->previous->next = entry->next;
    entry->next->previous = entry->previous;
    entry->previous = NULL;
    entry->next = NULL;
}

void vsa_deadlines_append(struct vsa_deadline_list *list, struct vsa_deadline *entry,
                          int64_t now_ms)
{
    vsa_deadlines_remove(entry);
    entry->at_ms = list->duration_ms > VSA_DEADLINE_NEVER - now_ms ? VSA_DEADLINE_NEVER
                                                                   : now_ms + list->duration_ms;
    entry->previous = list->head.previous;
    entry->next = &list->head;
    entry->previous->next = entry;
    list->head.previous = entry;
}

int64_t vsa_deadlines_next(const struct vsa_deadline_list *list)
{
    return list->head.next->at_ms; /* the head's own is "never" */
}

void vsa_deadlines_expire(struct vsa_deadline_list *list, int64_t now_ms, void *user)
{
    /* What was last at the start: entries that come while we are at it have their turn later. */
    struct vsa_deadline *last = list->head.previous;
    bool more = last != &list->head;
    while (more && vsa_deadlines_next(list) <= now_ms) {
        struct vsa_deadline *entry = list->head.next;
        more = entry != last;
        vsa_deadlines_remove(entry);
        list->expired(user, entry);
    }
}

struct vsa_deadline *vsa_deadlines_pop(struct vsa_deadline_list *list)
{
    struct vsa_deadline *entry = list->head.next;
    if (entry == &list->head)
        return NULL;
    vsa_deadlines_remove(entry);
    return entry;
}
