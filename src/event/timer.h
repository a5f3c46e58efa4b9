/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time limits for thousands of things at the price of one timer. All timers of a list have the same
 * duration, so starting one appends it and the first is due first.
 */
#ifndef VSA_EVENT_TIMER_H
#define VSA_EVENT_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* Embed it. Zeroed: not running. */
struct vsa_timer {
    struct vsa_timer *previous;
    struct vsa_timer *next;
    int64_t due_ms;
};

struct vsa_timer_list {
    struct vsa_timer head; /* of a ring */
    struct vsa_timer mark; /* in it while timers expire: what they start goes behind */
    int64_t duration_ms;
    /* The timer has stopped already, and may be started again. */
    void (*expired)(void *user, struct vsa_timer *timer);
    void *user;
    struct vsa_timer_list *next; /* list of the same loop */
};

/* The duration of lists that only keep their entries together. */
#define VSA_TIMER_NEVER INT64_MAX

void vsa_timer_list_init(struct vsa_timer_list *list, int64_t duration_ms,
                         void (*expired)(void *user, struct vsa_timer *timer), void *user);

/* Starts the timer, or moves it from the list where it runs. */
void vsa_timer_start(struct vsa_timer_list *list, struct vsa_timer *timer, int64_t now_ms);

/* Harmless when it does not run. */
void vsa_timer_stop(struct vsa_timer *timer);

static inline bool vsa_timer_runs(const struct vsa_timer *timer)
{
    return timer->next != 0;
}

/* The timer that is due first, or NULL. */
struct vsa_timer *vsa_timer_first(const struct vsa_timer_list *list);

/* When the first timer is due, or VSA_TIMER_NEVER. */
static inline int64_t vsa_timer_next_ms(const struct vsa_timer_list *list)
{
    return list->head.next->due_ms; /* the head's own is "never" */
}

/*
 * Calls `expired` for timers that are due, not for ones that it starts: the first in any case, the
 * others until `is_over` returns true.
 */
void vsa_timer_expire(struct vsa_timer_list *list, int64_t now_ms, bool (*is_over)(void *user),
                      void *user);

#endif
