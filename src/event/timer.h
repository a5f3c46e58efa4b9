/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thousands of timers in O(1) each. All timers of a list have the same duration, so a started one
 * is appended, and the first of the list expires first.
 */
#ifndef VSA_EVENT_TIMER_H
#define VSA_EVENT_TIMER_H

#include <stdint.h>

#include "base/container_of.h"
#include "base/list.h"

/* A timer. Embed it. Zeroed: not running. */
struct vsa_timer {
    struct vsa_link link;
    int64_t due_ms;
};

struct vsa_timer_list {
    struct vsa_link running; /* timers, the one that is due first before the others */
    struct vsa_timer mark;   /* in the list while timers expire; those started then go behind it */
    int64_t duration_ms;
    /* Handler; the timer is stopped before the call, and may be started again. */
    void (*expired)(void *user, struct vsa_timer *timer);
    void *user;
    struct vsa_timer_list *next; /* next list of the loop */
};

#define VSA_TIMER_NEVER INT64_MAX

void vsa_timer_list_init(struct vsa_timer_list *list, int64_t duration_ms,
                         void (*expired)(void *user, struct vsa_timer *timer), void *user);

/* Starts the timer, or moves it from the list where it runs. */
void vsa_timer_start(struct vsa_timer_list *list, struct vsa_timer *timer, int64_t now_ms);

/* Stops the timer. No-op if it is not running. */
void vsa_timer_stop(struct vsa_timer *timer);

static inline bool vsa_timer_runs(const struct vsa_timer *timer)
{
    return vsa_link_is_listed(&timer->link);
}

/* Returns the timer that is due first, or NULL. */
static inline struct vsa_timer *vsa_timer_first(const struct vsa_timer_list *list)
{
    struct vsa_link *link = vsa_list_first(&list->running);
    return link ? VSA_CONTAINER_OF(link, struct vsa_timer, link) : NULL;
}

/* Returns when the first timer is due, or VSA_TIMER_NEVER. */
static inline int64_t vsa_timer_next_ms(const struct vsa_timer_list *list)
{
    const struct vsa_timer *first = vsa_timer_first(list);
    return first ? first->due_ms : VSA_TIMER_NEVER;
}

/*
 * Calls `expired` for due timers, except those started meanwhile: for the first always, for the
 * others until `is_over` returns true.
 */
void vsa_timer_expire(struct vsa_timer_list *list, int64_t now_ms, bool (*is_over)(void *user),
                      void *user);

#endif
