/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NSM's thread and its bounded queue: one piece of work after the other, as the module itself
 * works, so that the loop never waits for it. Knows work, not requests.
 */
#ifndef VSA_WORKER_WORKER_H
#define VSA_WORKER_WORKER_H

#include "base/counter.h"
#include "worker/queue.h"
#include <vsattest/nsm.h>

/*
 * Embed it, and set the first two members. The loop owns it, but for the time between
 * vsa_worker_put() and vsa_worker_finished() or a successful vsa_worker_withdraw().
 */
struct vsa_work {
    /* In the thread. `nsm` is to be used during the call; NULL: `nsm_error` says why. */
    void (*run)(struct vsa_work *work, struct vsa_nsm *nsm, const struct vsa_error *nsm_error);
    bool may_block; /* run() may wait for other things than the NSM */

    struct vsa_queue_entry place; /* while it waits, or is done */
    int64_t begun_ms;             /* CLOCK_MONOTONIC; the loop reads it when it is done */
};

struct vsa_worker_options {
    const char *nsm; /* address, borrowed */
    int timeout_ms;  /* for one exchange with it */
    size_t max_queue;
    /* In the thread: vsa_worker_finished() has something. */
    void (*done)(void *user);
    /* In the thread, after each exchange with the NSM. */
    void (*exchanged)(void *user, int64_t duration_us, enum vsa_status status);
    void *user;
};

struct vsa_worker;

/*
 * Makes a worker without its thread; work may be put.
 *
 * options  in: copied
 * nsm      in: already open, or NULL: it is opened when there is work; owned, also on failure
 *
 * Errors: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_worker_new(const struct vsa_worker_options *options,
                                            struct vsa_nsm *nsm, struct vsa_worker **worker,
                                            struct vsa_error *error);
/* Starts the thread, which has the caller's privileges, and no signals. Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status vsa_worker_start(struct vsa_worker *worker, struct vsa_error *error);

/*
 * Waits for the call that the thread is in, ends it, and frees the worker. What waited or was done
 * goes to `release`, once, run or not. NULL is fine.
 */
void vsa_worker_free(struct vsa_worker *worker, void (*release)(struct vsa_work *work));

/* Errors: VSA_ERR_BUSY when the queue is full. */
VSA_MUST_USE enum vsa_status vsa_worker_put(struct vsa_worker *worker, struct vsa_work *work,
                                            struct vsa_error *error);
/* For the server's own questions: goes before all others, whatever the queue. */
void vsa_worker_put_first(struct vsa_worker *worker, struct vsa_work *work);

/* Takes work back that has not begun: true. */
bool vsa_worker_withdraw(struct vsa_worker *worker, struct vsa_work *work);

/* When the work began; INT64_MAX: it still waits. */
int64_t vsa_worker_begun_ms(struct vsa_worker *worker, const struct vsa_work *work);

/* What is done, moved to the end of `done`, oldest first. */
void vsa_worker_finished(struct vsa_worker *worker, struct vsa_queue *done);

/* Work that waits now. To be read by any thread. */
const vsa_counter *vsa_worker_depth(const struct vsa_worker *worker);

/* The work whose `place` this is; NULL for NULL. */
struct vsa_work *vsa_work_of(struct vsa_queue_entry *place);

#endif
