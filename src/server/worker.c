/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "nsm/transport.h"
#include "protocol/request.h"
#include "server/answer.h"

struct vsa_worker {
    const char *address;
    int timeout_ms;
    size_t max_queue;
    struct vsa_statistics *statistics;
    void (*notify)(void *user);
    void *user;

    /* The thread's own. */
    struct vsa_nsm *nsm;
    char *scratch; /* VSA_MAX_REPLY_LINE bytes */

    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows, and the worker's part of jobs */
    pthread_cond_t wake;
    struct vsa_queue waiting;
    struct vsa_job *done;      /* oldest first */
    struct vsa_job **done_end; /* where the next one is linked in */
    bool blocked;              /* in a handler that may block for reasons of its own */
    bool stop;
};

struct vsa_job *vsa_job_new(void)
{
    return calloc(1, sizeof(struct vsa_job));
}

void vsa_job_free(struct vsa_job *job)
{
    if (!job)
        return;
    free(job->text.data);
    free(job->line);
    free(job);
}

static struct vsa_job *job_of(struct vsa_queue_entry *place)
{
    return place ? (struct vsa_job *)(void *)((char *)place - offsetof(struct vsa_job, place))
                 : NULL;
}

/* With the mutex held. */
static void push_done(struct vsa_worker *worker, struct vsa_job *job)
{
    job->next = NULL;
    *worker->done_end = job;
    worker->done_end = &job->next;
}

/* Likewise. */
static struct vsa_job *take_done(struct vsa_worker *worker)
{
    struct vsa_job *done = worker->done;
    worker->done = NULL;
    worker->done_end = &worker->done;
    return done;
}

static void free_jobs(struct vsa_job *job)
{
    while (job) {
        struct vsa_job *next = job->next;
        vsa_job_free(job);
        job = next;
    }
}

/* With the mutex held, after every change of the queue. */
static void count_waiting(struct vsa_worker *worker)
{
    vsa_statistic_set(&worker->statistics->queue_depth, worker->waiting.count);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void on_exchange(void *user, int64_t duration_us, enum vsa_status status)
{
    struct vsa_worker *worker = user;
    vsa_latency_count(&worker->statistics->nsm, (uint64_t)duration_us, status != VSA_OK);
}

/* A software NSM that was not there at the start may be there now. */
static enum vsa_status open_nsm(struct vsa_worker *worker, struct vsa_error *error)
{
    if (worker->nsm)
        return VSA_OK;
    VSA_TRY(vsa_nsm_open(worker->address, worker->timeout_ms, &worker->nsm, error));
    vsa_nsm_set_observer(worker->nsm, on_exchange, worker);
    return VSA_OK;
}

static enum vsa_status describe(struct vsa_worker *worker, struct vsa_job *job)
{
    struct vsa_nsm_description description;
    VSA_TRY(open_nsm(worker, &job->error));
    VSA_TRY(vsa_nsm_describe(worker->nsm, &description, &job->error));
    memcpy(job->module_id, description.module_id, sizeof(job->module_id));
    return VSA_OK;
}

static void keep_line(struct vsa_worker *worker, struct vsa_job *job, json_t *reply)
{
    size_t size = 0;
    enum vsa_status written = vsa_answer_write(reply, NULL, worker->scratch, &size);
    if (written != VSA_OK)
        job->status = written;
    job->line = malloc(size);
    if (!job->line) {
        job->status = vsa_fail_memory(&job->error);
        return; /* the loop says so to the client */
    }
    memcpy(job->line, worker->scratch, size);
    job->line_size = size;
}

static enum vsa_status run_command(struct vsa_worker *worker, struct vsa_job *job,
                                   const json_t *request, json_t *reply)
{
    enum vsa_status status = open_nsm(worker, &job->error);
    if (status != VSA_OK && !(job->command->flags & VSA_COMMAND_BLOCKING)) {
        vsa_answer_error(reply, &job->error);
        return status;
    }
    return vsa_answer_run(job->command, job->server, worker->nsm, request, reply, &job->error);
}

static void answer(struct vsa_worker *worker, struct vsa_job *job)
{
    VSA_AUTO_JSON json_t *reply = json_object();
    VSA_AUTO_JSON json_t *request = NULL;
    /* The line was checked before the job was made: only memory can be short. */
    job->status =
        vsa_json_parse(vsa_slice_of(job->text.data, job->text.size), &request, &job->error);
    if (job->status == VSA_OK)
        job->status = run_command(worker, job, request, reply);
    else
        vsa_answer_error(reply, &job->error);
    if (job->status == VSA_OK && job->wants_keep_ms)
        job->keep_ms = job->sharing->keep_ms(reply);
    if (json_object_get(request, "id"))
        (void)json_object_del(reply, "id"); /* the loop adds the request's */
    keep_line(worker, job, reply);
}

/* With the mutex held, but while it waits. NULL: it is time to stop. */
static struct vsa_job *next_job(struct vsa_worker *worker)
{
    while (!worker->stop) {
        struct vsa_job *job = job_of(vsa_queue_pop(&worker->waiting));
        count_waiting(worker);
        if (job) {
            job->begun_ms = vsa_monotonic_ms();
            worker->blocked = job->command && (job->command->flags & VSA_COMMAND_BLOCKING);
            return job;
        }
        (void)pthread_cond_wait(&worker->wake, &worker->mutex);
    }
    return NULL;
}

static void *work(void *argument)
{
    struct vsa_worker *worker = argument;
    struct vsa_job *job;
    (void)pthread_mutex_lock(&worker->mutex);
    while ((job = next_job(worker))) {
        (void)pthread_mutex_unlock(&worker->mutex);
        if (job->command)
            answer(worker, job);
        else
            job->status = describe(worker, job);
        (void)pthread_mutex_lock(&worker->mutex);
        worker->blocked = false;
        push_done(worker, job);
        worker->notify(worker->user);
    }
    (void)pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

/* --- the loop's side -------------------------------------------------------------------------- */

/* Signals are for the application's threads. */
static int start_thread(struct vsa_worker *worker)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&worker->thread, NULL, work, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

static void release(struct vsa_worker *worker)
{
    struct vsa_job *job;
    while ((job = job_of(vsa_queue_pop(&worker->waiting))))
        vsa_job_free(job);
    free_jobs(take_done(worker));
    vsa_nsm_free(worker->nsm);
    (void)pthread_cond_destroy(&worker->wake);
    (void)pthread_mutex_destroy(&worker->mutex);
    free(worker->scratch);
    free(worker);
}

enum vsa_status vsa_worker_new(const char *address, int timeout_ms, struct vsa_nsm *nsm,
                               size_t max_queue, struct vsa_statistics *statistics,
                               void (*notify)(void *user), void *user, struct vsa_worker **out,
                               struct vsa_error *error)
{
    struct vsa_worker *worker = calloc(1, sizeof(*worker));
    char *scratch = malloc(VSA_MAX_REPLY_LINE);
    if (!worker || !scratch) {
        free(worker);
        free(scratch);
        vsa_nsm_free(nsm);
        return vsa_fail_memory(error);
    }
    worker->address = address;
    worker->timeout_ms = timeout_ms;
    worker->nsm = nsm;
    worker->scratch = scratch;
    worker->max_queue = max_queue;
    worker->statistics = statistics;
    if (nsm)
        vsa_nsm_set_observer(nsm, on_exchange, worker);
    worker->notify = notify;
    worker->user = user;
    worker->done_end = &worker->done;
    (void)pthread_mutex_init(&worker->mutex, NULL);
    (void)pthread_cond_init(&worker->wake, NULL);
    int number = start_thread(worker);
    if (number != 0) {
        release(worker);
        return vsa_fail(error, VSA_ERR_IO, "cannot start a thread: %s", strerror(number));
    }
    *out = worker;
    return VSA_OK;
}

void vsa_worker_free(struct vsa_worker *worker)
{
    if (!worker)
        return;
    (void)pthread_mutex_lock(&worker->mutex);
    worker->stop = true;
    (void)pthread_cond_signal(&worker->wake);
    (void)pthread_mutex_unlock(&worker->mutex);
    (void)pthread_join(worker->thread, NULL);
    release(worker);
}

static enum vsa_status busy(const struct vsa_worker *worker, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_BUSY, "%zu requests wait for the NSM already; try again later",
                    worker->max_queue);
}

enum vsa_status vsa_worker_submit(struct vsa_worker *worker, struct vsa_job *job,
                                  struct vsa_error *error)
{
    (void)pthread_mutex_lock(&worker->mutex);
    bool has_room = worker->waiting.count < worker->max_queue;
    if (has_room) {
        vsa_queue_push(&worker->waiting, &job->place);
        (void)pthread_cond_signal(&worker->wake);
    }
    count_waiting(worker);
    (void)pthread_mutex_unlock(&worker->mutex);
    return has_room ? VSA_OK : busy(worker, error);
}

void vsa_worker_submit_first(struct vsa_worker *worker, struct vsa_job *job)
{
    (void)pthread_mutex_lock(&worker->mutex);
    vsa_queue_push_first(&worker->waiting, &job->place);
    count_waiting(worker);
    (void)pthread_cond_signal(&worker->wake);
    (void)pthread_mutex_unlock(&worker->mutex);
}

bool vsa_worker_can_join(struct vsa_worker *worker, const struct vsa_job *job, int64_t earliest_ms)
{
    (void)pthread_mutex_lock(&worker->mutex);
    bool joinable = job->place.queued || job->begun_ms >= earliest_ms;
    (void)pthread_mutex_unlock(&worker->mutex);
    return joinable;
}

bool vsa_worker_cancel(struct vsa_worker *worker, struct vsa_job *job)
{
    (void)pthread_mutex_lock(&worker->mutex);
    bool queued = vsa_queue_remove(&worker->waiting, &job->place);
    count_waiting(worker);
    (void)pthread_mutex_unlock(&worker->mutex);
    return queued;
}

bool vsa_worker_has_begun(struct vsa_worker *worker, const struct vsa_job *job)
{
    (void)pthread_mutex_lock(&worker->mutex);
    bool begun = !job->place.queued;
    (void)pthread_mutex_unlock(&worker->mutex);
    return begun;
}

bool vsa_worker_is_blocked(struct vsa_worker *worker)
{
    (void)pthread_mutex_lock(&worker->mutex);
    bool blocked = worker->blocked;
    (void)pthread_mutex_unlock(&worker->mutex);
    return blocked;
}

struct vsa_job *vsa_worker_collect(struct vsa_worker *worker)
{
    (void)pthread_mutex_lock(&worker->mutex);
    struct vsa_job *done = take_done(worker);
    (void)pthread_mutex_unlock(&worker->mutex);
    return done;
}
