/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: epoll, level-triggered, one descriptor to wake it up, and every timer list. One
 * thread runs it. An iteration shares its time: what takes longer than VSA_EVENT_SLICE_US asks
 * vsa_event_loop_is_over() and leaves the rest to the next one.
 */
#ifndef VSA_EVENT_LOOP_H
#define VSA_EVENT_LOOP_H

#include "event/timer.h"
#include <vsattest/base.h>

/* A new client must not wait for those who ask much: 1 ms is below what an NSM's call takes. */
#define VSA_EVENT_SLICE_US 1000

/* A descriptor and what to call when something happens to it. Embed it. */
struct vsa_event_watch {
    int fd;
    bool added;
    uint32_t events; /* EPOLLIN, EPOLLOUT: what is waited for */
    /* `events` may also hold EPOLLERR and EPOLLHUP, which cannot be turned off. */
    void (*ready)(struct vsa_event_watch *watch, uint32_t events);
};

struct vsa_event_loop {
    int epoll_fd;
    struct vsa_event_watch wake; /* an eventfd(2) */
    int64_t now_ms;              /* CLOCK_MONOTONIC at the begin of this iteration */
    int64_t slice_us;            /* when the present slice began */
    struct vsa_timer_list *lists;
    void (*woken)(void *user);
    void *user;
};

/*
 * woken  in: called in the loop after vsa_event_loop_wake()
 * Errors: VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_event_loop_open(struct vsa_event_loop *loop,
                                                 void (*woken)(void *user), void *user,
                                                 struct vsa_error *error);
/* Fine where both descriptors are -1, and twice. */
void vsa_event_loop_close(struct vsa_event_loop *loop);

/* Waits for `events` from now on; with 0 only for the peer's end. Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status vsa_event_loop_watch(struct vsa_event_loop *loop,
                                                  struct vsa_event_watch *watch, uint32_t events,
                                                  struct vsa_error *error);
/* To be called before the descriptor is closed: a process forked meanwhile may keep it open. */
void vsa_event_loop_unwatch(struct vsa_event_loop *loop, struct vsa_event_watch *watch);

/* Adds a list, whose timers expire in order of the lists' adding; it must outlive the loop. */
void vsa_event_loop_add(struct vsa_event_loop *loop, struct vsa_timer_list *list);

/* Whether the present slice is used up. */
bool vsa_event_loop_is_over(const struct vsa_event_loop *loop);

/*
 * One iteration: waits for the first event or timer, calls ready() for what happened, then
 * expired() for what is due; each list has a slice of its own. A watch that is unwatched meanwhile
 * may still be called, so its memory must outlive the iteration.
 */
void vsa_event_loop_iterate(struct vsa_event_loop *loop);

/* Ends the present or next wait. From any thread or signal handler. */
void vsa_event_loop_wake(struct vsa_event_loop *loop);

#endif
