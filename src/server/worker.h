/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NSM's thread: one job after the other, as the module itself works, so that the loop never
 * waits for it.
 */
#ifndef VSA_SERVER_WORKER_H
#define VSA_SERVER_WORKER_H

#include <stdbool.h>

#include "crypto/digest.h"
#include "server/deadlines.h"
#include "server/statistics.h"
#include "stream/buffer.h"
#include "worker/queue.h"
#include <vsattest/server.h>

struct vsa_connection;
struct vsa_job;

/* A connection's request that does not get its answer at once. The loop's. */
struct vsa_waiter {
    struct vsa_deadline deadline;
    struct vsa_connection *connection;
    struct vsa_job *job;
    struct vsa_waiter *previous; /* of the same job */
    struct vsa_waiter *next;
    const struct vsa_command *named; /* as what the request is counted and told */
    int64_t started_us;
    json_t *id; /* a reference to the request's, or NULL */
};

/*
 * What requests may share (attest_sharing.h): by what the request asks for, and how long an answer
 * may be given again.
 */
struct vsa_sharing {
    /* Whether it may be shared; then `key` is the same for what may have the same answer. */
    bool (*key)(const json_t *request, uint8_t key[VSA_SHA384_SIZE]);
    /* In the worker's thread: how long a successful reply stays good, in milliseconds; 0: not. */
    int64_t (*keep_ms)(const json_t *reply);
};

/*
 * Work for the NSM's thread. The loop owns it, but for the time between vsa_worker_submit() and
 * vsa_worker_collect() or a successful vsa_worker_cancel().
 */
struct vsa_job {
    /* The loop's part. */
    struct vsa_waiter *waiters; /* nobody: DescribeNSM, or they are gone */
    struct vsa_job *next_shared;
    bool shared; /* in the list of those that others may join */

    /* What to do. */
    const struct vsa_command *command; /* NULL: DescribeNSM, for the server itself */
    struct vsa_server *server;         /* for the command's handler */
    /*
     * The request's line, checked; charged to the server's budget. Not the tree: that may have
     * fifty times the size, and its reference counts are not made for two threads.
     */
    struct vsa_buffer text;
    const struct vsa_sharing *sharing; /* NULL: the answer is for one request only */
    uint8_t key[VSA_SHA384_SIZE];      /* with `sharing` */
    bool wants_keep_ms;                /* the reply may go to the cache */

    /* How it went, once collected. */
    enum vsa_status status;
    struct vsa_error error;
    char *line; /* owned; the reply without an `id`, or NULL */
    size_t line_size;
    int64_t keep_ms;                       /* with `wants_keep_ms` */
    char module_id[VSA_MAX_MODULE_ID + 1]; /* DescribeNSM */

    /* The worker's part. */
    struct vsa_queue_entry place; /* while it waits */
    int64_t begun_ms;             /* CLOCK_MONOTONIC when its turn came */
    struct vsa_job *next;         /* when it is done */
};

struct vsa_job *vsa_job_new(void);
/* NULL is fine. */
void vsa_job_free(struct vsa_job *job);

struct vsa_worker;

/*
 * address     in: of the NSM, borrowed
 * timeout_ms  in: for one exchange with it
 * nsm         in: already open, or NULL; owned from now on, also on failure
 * max_queue   in: jobs that may wait
 * statistics  in: counts what it does in there; must outlive it
 * notify      in: called in the worker's thread when jobs are done
 *
 * Errors: VSA_ERR_MEMORY, VSA_ERR_IO (no thread).
 */
VSA_MUST_USE enum vsa_status vsa_worker_new(const char *address, int timeout_ms,
                                            struct vsa_nsm *nsm, size_t max_queue,
                                            struct vsa_statistics *statistics,
                                            void (*notify)(void *user), void *user,
                                            struct vsa_worker **worker, struct vsa_error *error);

/* Waits for the call that the NSM's thread is in, then frees everything. NULL is fine. */
void vsa_worker_free(struct vsa_worker *worker);

/*
 * Hands a job over, which waits for those before it.
 *
 * Errors: VSA_ERR_BUSY when the queue is full.
 */
VSA_MUST_USE enum vsa_status vsa_worker_submit(struct vsa_worker *worker, struct vsa_job *job,
                                               struct vsa_error *error);
/* Hands a job over that goes before all others, whatever the queue. */
void vsa_worker_submit_first(struct vsa_worker *worker, struct vsa_job *job);

/*
 * Returns whether the job has not begun before `earliest_ms`, which is INT64_MAX for one that must
 * not have begun at all: then another request may wait for it too.
 */
bool vsa_worker_can_join(struct vsa_worker *worker, const struct vsa_job *job, int64_t earliest_ms);

/* Takes the job back if it has not begun: true. */
bool vsa_worker_cancel(struct vsa_worker *worker, struct vsa_job *job);

/* Whether a submitted job is past the point where vsa_worker_cancel() takes it back. */
bool vsa_worker_has_begun(struct vsa_worker *worker, const struct vsa_job *job);

/* Whether it is in a VSA_COMMAND_BLOCKING handler, which may wait for anything but the NSM. */
bool vsa_worker_is_blocked(struct vsa_worker *worker);

/* All jobs that are done, linked by `next`, oldest first. */
struct vsa_job *vsa_worker_collect(struct vsa_worker *worker);

#endif
