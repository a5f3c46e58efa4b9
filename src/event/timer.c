/* SPDX-License-Identifier: Apache-2.0 */
#include "event/timer.h"

void vsa_timer_list_init(struct vsa_timer_list *list, int64_t duration_ms,
                         void (*expired)(void *user, struct vsa_timer *timer), void *user)
{
    *list = (struct vsa_timer_list){.duration_ms = duration_ms, .expired = expired, .user = user};
}

void vsa_timer_stop(struct vsa_timer *timer)
{
    vsa_list_remove(&timer->link);
}

void vsa_timer_start(struct vsa_timer_list *list, struct vsa_timer *timer, int64_t now_ms)
{
    vsa_timer_stop(timer);
    timer->due_ms =
        list->duration_ms > VSA_TIMER_NEVER - now_ms ? VSA_TIMER_NEVER : now_ms + list->duration_ms;
    vsa_list_append(&list->running, &timer->link);
}

void vsa_timer_expire(struct vsa_timer_list *list, int64_t now_ms, bool (*is_over)(void *user),
                      void *user)
{
    if (vsa_timer_next_ms(list) > now_ms)
        return;
    vsa_timer_start(list, &list->mark, now_ms);
    do {
        struct vsa_timer *timer = VSA_CONTAINER_OF(list->running.next, struct vsa_timer, link);
        if (timer == &list->mark || timer->due_ms > now_ms)
            break;
        vsa_timer_stop(timer);
        list->expired(list->user, timer);
    } while (!is_over(user));
    vsa_timer_stop(&list->mark);
}
