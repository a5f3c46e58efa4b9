/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: epoll, level-triggered, and one descriptor to wake it up. Time limits are the
 * caller's (deadlines.h): it says how long a turn may wait.
 */
#ifndef VSA_SERVER_LOOP_H
#define VSA_SERVER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <vsattest/base.h>

/* A descriptor and what to do when something happens to it. Embed it. */
struct vsa_watch {
    int fd;
    bool added;
    uint32_t events; /* EPOLLIN, EPOLLOUT: what is waited for */
    /* `events` may also hold EPOLLERR and EPOLLHUP, which cannot be turned off. */
    void (*ready)(struct vsa_watch *watch, uint32_t events);
};

struct vsa_loop {
    int epoll_fd;
    struct vsa_watch wake; /* an eventfd(2) */
    int64_t now_ms;        /* CLOCK_MONOTONIC at the begin of this turn */
    int events;            /* of this turn, while they are handled; else 0 */
};

/*
 * woken  in: called in the loop after vsa_loop_wake()
 * Errors: VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_loop_init(struct vsa_loop *loop,
                                           void (*woken)(struct vsa_watch *watch, uint32_t events),
                                           struct vsa_error *error);
/* Fine where both descriptors are -1, and twice. */
void vsa_loop_close(struct vsa_loop *loop);

/* Waits for `events` from now on; with 0 only for the peer's end. Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status vsa_loop_watch(struct vsa_loop *loop, struct vsa_watch *watch,
                                            uint32_t events, struct vsa_error *error);
/* To be called before the descriptor is closed: a process forked meanwhile may keep it open. */
void vsa_loop_unwatch(struct vsa_loop *loop, struct vsa_watch *watch);

/*
 * Waits until `until_ms` at most (INT64_MAX: for ever) and handles what happened. A watch that is
 * unwatched during a turn may still be called in it, so its memory must outlive the turn.
 */
void vsa_loop_turn(struct vsa_loop *loop, int64_t until_ms);

/* Ends the present or next wait. From any thread or signal handler. */
void vsa_loop_wake(struct vsa_loop *loop);

#endif
