/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread and its bounded FIFO queue: one piece of work after the other, so that the loop never
 * waits for it: the thread that calls the NSM, which itself serves one call at a time, and the one
 * that opens sealed requests. Knows work, not requests.
 */
#ifndef VSA_WORKER_WORKER_H
#define VSA_WORKER_WORKER_H

#include "base/container_of.h"
#include "base/counter.h"
#include "base/list.h"
#include <vsattest/nsm.h>

/*
 * Embed it, and set the first two members. The loop owns it, except between vsa_worker_put() and
 * vsa_worker_finished() or a successful vsa_worker_withdraw().
 */
struct vsa_work {
    /* Runs in the thread. `nsm` is borrowed for the call; NULL: `nsm_error` has the reason. */
    void (*run)(struct vsa_work *work, struct vsa_nsm *nsm, const struct vsa_error *nsm_error);
    bool may_block; /* run() may wait for other things than the NSM */

    struct vsa_link place; /* in `waiting` or `done` of the worker */
    int64_t begun_ms;      /* start of run(), CLOCK_MONOTONIC; read by the loop when done */
};

struct vsa_awaited;

struct vsa_awaited_kind {
    /* Called when none waits any more: takes it back and frees it, if it has not begun. */
    void (*abandon)(struct vsa_awaited *awaited);
    bool (*has_begun)(struct vsa_awaited *awaited);
    const char *late; /* why a request that waited for too long has no reply */
};

/* What requests wait for: work, or a process's reply. Embed it, and set `kind`. */
struct vsa_awaited {
    const struct vsa_awaited_kind *kind;
    struct vsa_link waiters;
};

struct vsa_worker_options {
    const char *nsm; /* address, borrowed; NULL: there is none, as all work knows */
    int timeout_ms;  /* limit of one call of the NSM */
    size_t max_queue;
    /*
     * For short work: while more waits, done() is called once in this time, in us, for all that
     * was done meanwhile. Work that takes longer delays what was done before it.
     */
    int64_t hold_us;
    vsa_counter *depth; /* work that waits now; borrowed, written by both threads under a lock */
    /* Called in the thread before anything else; NULL: there is nothing to prepare. */
    void (*begin)(void);
    /* Called in the thread when vsa_worker_finished() has work. */
    void (*done)(void *user);
    /* Called in the thread after each call of the NSM; NULL without one. */
    void (*exchanged)(void *user, int64_t duration_us, enum vsa_status status);
    void *user;
};

struct vsa_worker;

/*
 * Makes a worker; its thread is not started, but work may be put.
 *
 * options  in: copied
 * nsm      in: open, or NULL: opened when there is work; owned, also on failure
 *
 * Errors: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_worker_new(const struct vsa_worker_options *options,
                                            struct vsa_nsm *nsm, struct vsa_worker **worker,
                                            struct vsa_error *error);
/* Starts the thread, with the caller's privileges and signals blocked. Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status vsa_worker_start(struct vsa_worker *worker, struct vsa_error *error);

/*
 * Waits for the call in progress, ends the thread, and frees the worker. All work that waited or
 * was done is passed to `release`, once. NULL is fine.
 */
void vsa_worker_free(struct vsa_worker *worker, void (*release)(struct vsa_work *work));

/* Appends work. Errors: VSA_ERR_BUSY when the queue is full. */
VSA_MUST_USE enum vsa_status vsa_worker_put(struct vsa_worker *worker, struct vsa_work *work,
                                            struct vsa_error *error);
/* Inserts work before all others, also into a full queue: for the server's own probes. */
void vsa_worker_put_first(struct vsa_worker *worker, struct vsa_work *work);

/* Takes back work that has not begun; returns false if it has. */
bool vsa_worker_withdraw(struct vsa_worker *worker, struct vsa_work *work);

/* Returns when the work began; INT64_MAX: it still waits. */
int64_t vsa_worker_begun_ms(struct vsa_worker *worker, const struct vsa_work *work);

/* Moves work that is done to the end of `done`, oldest first. */
void vsa_worker_finished(struct vsa_worker *worker, struct vsa_link *done);

/* Returns the work that contains `place`; NULL for NULL. */
static inline struct vsa_work *vsa_work_of(struct vsa_link *place)
{
    return place ? VSA_CONTAINER_OF(place, struct vsa_work, place) : NULL;
}

#endif
