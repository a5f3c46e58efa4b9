/* SPDX-License-Identifier: Apache-2.0 */
#include "event/timer.h"

#include <stddef.h>

void vsa_timer_list_init(struct vsa_timer_list *list, int64_t duration_ms,
                         void (*expired)(void *user, struct vsa_timer *timer), void *user)
{
    list->head = (struct vsa_timer){&list->head, &list->head, VSA_TIMER_NEVER};
    list->mark = (struct vsa_timer){0};
    list->duration_ms = duration_ms;
    list->expired = expired;
    list->user = user;
    list->next = NULL;
}

void vsa_timer_stop(struct vsa_timer *timer)
{
    if (!vsa_timer_runs(timer))
        return;
    timer->previous->next = timer->next;
    timer->next->previous = timer->previous;
    timer->previous = NULL;
    timer->next = NULL;
}

void vsa_timer_start(struct vsa_timer_list *list, struct vsa_timer *timer, int64_t now_ms)
{
    vsa_timer_stop(timer);
    timer->due_ms =
        list->duration_ms > VSA_TIMER_NEVER - now_ms ? VSA_TIMER_NEVER : now_ms + list->duration_ms;
    timer->previous = list->head.previous;
    timer->next = &list->head;
    timer->previous->next = timer;
    list->head.previous = timer;
}

struct vsa_timer *vsa_timer_first(const struct vsa_timer_list *list)
{
    return list->head.next == &list->head ? NULL : list->head.next;
}

void vsa_timer_expire(struct vsa_timer_list *list, int64_t now_ms, bool (*is_over)(void *user),
                      void *user)
{
    if (vsa_timer_next_ms(list) > now_ms)
        return;
    vsa_timer_start(list, &list->mark, now_ms);
    do {
        struct vsa_timer *timer = list->head.next;
        if (timer == &list->mark || timer->due_ms > now_ms)
            break;
        vsa_timer_stop(timer);
        list->expired(list->user, timer);
    } while (!is_over(user));
    vsa_timer_stop(&list->mark);
}
