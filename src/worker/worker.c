/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/monotonic.h"
#include "nsm/transport.h"

struct vsa_worker {
    struct vsa_worker_options options;
    struct vsa_nsm *nsm; /* owned by the thread; NULL: not open */

    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards the members below, and `place` and `begun_ms` of work */
    pthread_cond_t wake;
    struct vsa_link waiting;
    struct vsa_link done;
    bool stop;
    bool holds;       /* `done` has work that the loop does not know of */
    int64_t woken_us; /* last call of options.done, CLOCK_MONOTONIC */
};

static void lock(struct vsa_worker *worker)
{
    (void)pthread_mutex_lock(&worker->mutex);
}

static void unlock(struct vsa_worker *worker)
{
    (void)pthread_mutex_unlock(&worker->mutex);
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Opens the NSM if it is not open: a software NSM may start later than the server. */
static enum vsa_status open_nsm(struct vsa_worker *worker, struct vsa_error *error)
{
    const struct vsa_worker_options *options = &worker->options;
    if (worker->nsm)
        return VSA_OK;
    if (!options->nsm)
        return vsa_fail(error, VSA_ERR_NSM_UNREACHABLE, "this thread has no NSM");
    VSA_TRY(vsa_nsm_open(options->nsm, options->timeout_ms, &worker->nsm, error));
    vsa_nsm_set_observer(worker->nsm, options->exchanged, options->user);
    return VSA_OK;
}

/* Has the loop take what is done. The mutex is held, except during the call. */
static void wake_loop(struct vsa_worker *worker, int64_t now_us)
{
    worker->holds = false;
    worker->woken_us = now_us;
    unlock(worker);
    worker->options.done(worker->options.user);
    lock(worker);
}

/* Returns the next work; NULL: stop. The mutex is held, except during the wait. */
static struct vsa_work *next_work(struct vsa_worker *worker)
{
    while (!worker->stop) {
        struct vsa_work *work = vsa_work_of(vsa_list_pop(&worker->waiting));
        if (work) {
            vsa_counter_add(worker->options.depth, -1);
            work->begun_ms = vsa_monotonic_ms();
            return work;
        }
        if (worker->holds)
            wake_loop(worker, vsa_monotonic_us());
        else
            (void)pthread_cond_wait(&worker->wake, &worker->mutex);
    }
    return NULL;
}

static void run(struct vsa_worker *worker, struct vsa_work *work)
{
    struct vsa_error error = {.offset = VSA_NO_OFFSET};
    work->run(work, open_nsm(worker, &error) == VSA_OK ? worker->nsm : NULL, &error);
}

static void finish(struct vsa_worker *worker, struct vsa_work *work)
{
    int64_t now_us = vsa_monotonic_us();
    vsa_list_append(&worker->done, &work->place);
    worker->holds = true;
    if (now_us - worker->woken_us >= worker->options.hold_us)
        wake_loop(worker, now_us);
}

static void *work_on(void *argument)
{
    struct vsa_worker *worker = argument;
    struct vsa_work *work;
    if (worker->options.begin)
        worker->options.begin();
    lock(worker);
    while ((work = next_work(worker))) {
        unlock(worker);
        run(worker, work);
        lock(worker);
        finish(worker, work);
    }
    unlock(worker);
    return NULL;
}

/* --- the loop's side -------------------------------------------------------------------------- */

enum vsa_status vsa_worker_new(const struct vsa_worker_options *options, struct vsa_nsm *nsm,
                               struct vsa_worker **out, struct vsa_error *error)
{
    struct vsa_worker *worker = calloc(1, sizeof(*worker));
    if (!worker) {
        vsa_nsm_free(nsm);
        return vsa_fail_memory(error);
    }
    worker->options = *options;
    worker->nsm = nsm;
    if (nsm)
        vsa_nsm_set_observer(nsm, options->exchanged, options->user);
    (void)pthread_mutex_init(&worker->mutex, NULL);
    (void)pthread_cond_init(&worker->wake, NULL);
    *out = worker;
    return VSA_OK;
}

enum vsa_status vsa_worker_start(struct vsa_worker *worker, struct vsa_error *error)
{
    sigset_t all;
    sigset_t before;
    /* Signals are for the application's threads. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&worker->thread, NULL, work_on, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot start a thread: %s", strerror(number));
    worker->started = true;
    return VSA_OK;
}

static void stop(struct vsa_worker *worker)
{
    if (!worker->started)
        return;
    lock(worker);
    worker->stop = true;
    (void)pthread_cond_signal(&worker->wake);
    unlock(worker);
    (void)pthread_join(worker->thread, NULL);
}

void vsa_worker_free(struct vsa_worker *worker, void (*release)(struct vsa_work *work))
{
    struct vsa_work *work;
    if (!worker)
        return;
    stop(worker);
    while ((work = vsa_work_of(vsa_list_pop(&worker->done))))
        release(work);
    while ((work = vsa_work_of(vsa_list_pop(&worker->waiting))))
        release(work);
    vsa_nsm_free(worker->nsm);
    (void)pthread_cond_destroy(&worker->wake);
    (void)pthread_mutex_destroy(&worker->mutex);
    free(worker);
}

/* Inserts work behind `place`, with the mutex held. */
static void insert(struct vsa_worker *worker, struct vsa_link *place, struct vsa_work *work)
{
    vsa_list_insert(place, &work->place);
    vsa_counter_add(worker->options.depth, 1);
    (void)pthread_cond_signal(&worker->wake);
}

enum vsa_status vsa_worker_put(struct vsa_worker *worker, struct vsa_work *work,
                               struct vsa_error *error)
{
    const struct vsa_worker_options *options = &worker->options;
    lock(worker);
    bool full = vsa_counter_get(options->depth) >= options->max_queue;
    if (!full)
        insert(worker, vsa_list_end(&worker->waiting), work);
    unlock(worker);
    if (full)
        return vsa_fail(error, VSA_ERR_BUSY, "%zu requests wait already; try again later",
                        options->max_queue);
    return VSA_OK;
}

void vsa_worker_put_first(struct vsa_worker *worker, struct vsa_work *work)
{
    lock(worker);
    insert(worker, &worker->waiting, work);
    unlock(worker);
}

bool vsa_worker_withdraw(struct vsa_worker *worker, struct vsa_work *work)
{
    lock(worker);
    /* Done work is in a list, too. */
    bool waits = work->begun_ms == 0 && vsa_link_is_listed(&work->place);
    if (waits) {
        vsa_list_remove(&work->place);
        vsa_counter_add(worker->options.depth, -1);
    }
    unlock(worker);
    return waits;
}

int64_t vsa_worker_begun_ms(struct vsa_worker *worker, const struct vsa_work *work)
{
    lock(worker);
    int64_t begun_ms = work->begun_ms;
    unlock(worker);
    return begun_ms ? begun_ms : INT64_MAX;
}

void vsa_worker_finished(struct vsa_worker *worker, struct vsa_link *done)
{
    struct vsa_link *entry;
    lock(worker);
    while ((entry = vsa_list_pop(&worker->done)))
        vsa_list_append(done, entry);
    unlock(worker);
}
