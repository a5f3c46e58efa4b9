/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: epoll, level-triggered, one descriptor to wake it up, and every timer list. One
 * thread runs it. An iteration shares its time: what takes longer than VSA_EVENT_SLICE_US asks
 * vsa_event_loop_is_over() and leaves the rest to the next one.
 */
#ifndef VSA_EVENT_LOOP_H
#define VSA_EVENT_LOOP_H

#include "base/container_of.h"
#include "base/list.h"
#include <vsattest/base.h>

/* Limit of a slice, so that busy clients do not delay a new one; an NSM's call takes longer. */
#define VSA_EVENT_SLICE_US 1000

/* A descriptor and its handler. Embed it. */
struct vsa_event_watch {
    int fd;
    bool added;
    uint16_t events; /* events waited for: EPOLLIN, EPOLLOUT */
    /* Handler; `events` may also have EPOLLERR and EPOLLHUP, which cannot be masked. */
    void (*ready)(struct vsa_event_watch *watch, uint32_t events);
};

/* A timer. Embed it. Zeroed: not running. */
struct vsa_timer {
    struct vsa_link link;
    int64_t due_ms;
};

/*
 * Thousands of timers in O(1) each: all of a list have the same duration, so a started one is
 * appended, and the first of the list expires first.
 */
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

struct vsa_event_loop {
    int epoll_fd;
    struct vsa_event_watch wake; /* eventfd(2) that wakes the loop */
    int64_t now_ms;              /* CLOCK_MONOTONIC at the start of this iteration */
    int64_t slice_us;            /* start of the current slice, CLOCK_MONOTONIC */
    struct vsa_timer_list *lists;
    void (*woken)(void *user);
    void *user;
};

/*
 * Sets up a loop without descriptors or timers; end with vsa_event_loop_close().
 *
 * woken  in: called in the loop after vsa_event_loop_wake()
 * Errors: VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_event_loop_open(struct vsa_event_loop *loop,
                                                 void (*woken)(void *user), void *user,
                                                 struct vsa_error *error);
/* Closes the loop's descriptors. Idempotent; descriptors of -1 are ignored. */
void vsa_event_loop_close(struct vsa_event_loop *loop);

/* Waits for `events` from now on; with 0 only for the peer's end. Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status vsa_event_loop_watch(struct vsa_event_loop *loop,
                                                  struct vsa_event_watch *watch, uint32_t events,
                                                  struct vsa_error *error);
/* Removes it. Call before closing the descriptor: a forked process may keep it open. */
void vsa_event_loop_unwatch(struct vsa_event_loop *loop, struct vsa_event_watch *watch);

/* Adds an empty list, borrowed until the loop is closed. Lists expire in the order of adding. */
void vsa_event_loop_add(struct vsa_event_loop *loop, struct vsa_timer_list *list,
                        int64_t duration_ms, void (*expired)(void *user, struct vsa_timer *timer),
                        void *user);

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

/* Returns whether the current slice is used up. */
bool vsa_event_loop_is_over(const struct vsa_event_loop *loop);

/*
 * Calls expired() for timers of the list that are due at now_ms, except those started meanwhile:
 * for the first always, for the others until the slice is over.
 */
void vsa_event_loop_expire(struct vsa_event_loop *loop, struct vsa_timer_list *list);

/*
 * Runs one iteration: waits for an event or timer, calls ready() for each event, then expired()
 * for each due timer; each list has its own slice. A watch removed in this iteration may still be
 * called, so its memory must outlive the iteration.
 */
void vsa_event_loop_iterate(struct vsa_event_loop *loop);

/* Ends the current or next wait. Callable from any thread or signal handler. */
void vsa_event_loop_wake(struct vsa_event_loop *loop);

#endif
