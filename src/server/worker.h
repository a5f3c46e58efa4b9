/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NSM's thread: one job after the other, as the module itself works, so that the loop never
 * waits for it.
 */
#ifndef VSA_SERVER_WORKER_H
#define VSA_SERVER_WORKER_H

#include <stdbool.h>

#include "server/buffer.h"
#include "server/deadlines.h"
#include "server/statistics.h"
#include <vsattest/server.h>

struct vsa_connection;

/*
 * A request that does not get its answer at once. The loop owns it, but for the time between
 * vsa_worker_submit() and vsa_worker_collect() or a successful vsa_worker_cancel().
 */
struct vsa_job {
    /* The loop's part. */
    struct vsa_deadline deadline;
    struct vsa_connection *connection; /* NULL: nobody waits for it any more */
    int64_t started_ns;
    json_t *id;     /* owned; a copy of the request's */
    bool in_worker; /* else it waits for news of the NSM */

    /* What to do. */
    const struct vsa_command *command; /* NULL: DescribeNSM, for the server itself */
    const struct vsa_command *named;   /* as what it is counted and told */
    struct vsa_server *server;         /* for the command's handler */
    /*
     * The request's line, checked; charged to the server's budget. Not the tree: that may have
     * fifty times the size, and its reference counts are not made for two threads.
     */
    struct vsa_buffer text;

    /* How it went, once collected. */
    enum vsa_status status;
    struct vsa_error error;
    char *line; /* owned; the reply */
    size_t line_size;
    char module_id[VSA_MAX_MODULE_ID + 1]; /* DescribeNSM */

    /* The worker's part. */
    struct vsa_job *next;
    bool queued;
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

/* Hands a job over. VSA_ERR_BUSY when the queue is full. */
VSA_MUST_USE enum vsa_status vsa_worker_submit(struct vsa_worker *worker, struct vsa_job *job,
                                               struct vsa_error *error);
/* Hands a job over that goes before all others, whatever the queue. */
void vsa_worker_submit_first(struct vsa_worker *worker, struct vsa_job *job);

/* Takes the job back if it has not begun: true. */
bool vsa_worker_cancel(struct vsa_worker *worker, struct vsa_job *job);

/* All jobs that are done, linked by `next`, oldest first. */
struct vsa_job *vsa_worker_collect(struct vsa_worker *worker);

#endif
