/* SPDX-License-Identifier: Apache-2.0 */
#include "lockstep.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>

#include "fuzz.h"

/* Iterations of one run: the most that inputs of 20,000 bytes were seen to take is 3,000. */
#define MAX_ITERATIONS 200000
/* CLOCK_MONOTONIC begins here, so that no time is 0 or below. */
#define BEGIN_US INT64_C(1000000000000)
/* Longer than any time limit that the program sets. */
#define END_US INT64_C(3600000000)
/* Real seconds for a worker to block again: a signature takes milliseconds. */
#define WORKER_PATIENCE_S 20

/* The NSM's, and the one that opens sealed requests. */
#define MAX_WORKERS 2

enum worker_state {
    WORKER_RUNNING,
    WORKER_IDLE,   /* in pthread_cond_wait() */
    WORKER_POLLING /* in poll(): the NSM did not answer yet */
};

struct worker {
    enum worker_state is;
    const pthread_cond_t *condition; /* while it is idle */
};

static struct {
    struct lockstep with;
    bool active;
    bool settling;
    bool moved; /* the clock, since the loop had its last turn */
    size_t iterations;
    _Atomic int64_t now_us;

    pthread_mutex_t mutex;
    pthread_cond_t blocked; /* a worker did */
    pthread_cond_t go;      /* the polling worker looks again */
    struct worker workers[MAX_WORKERS];
    size_t started; /* workers; each is in `workers` from before its thread runs */
    size_t known;   /* ... that have taken their place there */
    bool over;      /* nothing blocks any more */
} state = {
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .blocked = PTHREAD_COND_INITIALIZER,
    .go = PTHREAD_COND_INITIALIZER,
};

static _Thread_local bool is_loop;
static _Thread_local struct worker *own; /* of a worker's thread */

int __real_epoll_wait(int fd, struct epoll_event *events, int capacity, int timeout);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __real_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __real_pthread_cond_signal(pthread_cond_t *condition);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *argument), void *argument);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int capacity, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *argument), void *argument);

/* --- the clock -------------------------------------------------------------------------------- */

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!state.active || (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME))
        return __real_clock_gettime(clock, now);
    if (is_loop)
        state.now_us += state.with.tick_us;
    int64_t us = state.now_us;
    if (clock == CLOCK_REALTIME)
        us += LOCKSTEP_EPOCH_MS * 1000 - BEGIN_US;
    *now = (struct timespec){.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    return 0;
}

int64_t lockstep_now_ms(void)
{
    return LOCKSTEP_EPOCH_MS + (state.now_us - BEGIN_US) / 1000;
}

/* --- the workers ------------------------------------------------------------------------------ */

static void lock(void)
{
    (void)pthread_mutex_lock(&state.mutex);
}

static void unlock(void)
{
    (void)pthread_mutex_unlock(&state.mutex);
}

/* With the mutex held. It does not matter which of the threads is which. */
static void worker_is(enum worker_state is, const pthread_cond_t *condition)
{
    if (!own) {
        FUZZ_REQUIRE(state.known < state.started);
        own = &state.workers[state.known++];
    }
    own->condition = condition;
    own->is = is;
    (void)__real_pthread_cond_signal(&state.blocked);
}

/* With the mutex held. */
static bool one_runs(void)
{
    for (size_t i = 0; i < state.started; i++)
        if (state.workers[i].is == WORKER_RUNNING)
            return true;
    return false;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *argument), void *argument)
{
    if (state.active && is_loop) {
        lock();
        FUZZ_REQUIRE(state.started < MAX_WORKERS);
        state.workers[state.started++] = (struct worker){.is = WORKER_RUNNING};
        unlock();
    }
    return __real_pthread_create(thread, attributes, run, argument);
}

static void let_worker_look(void)
{
    lock();
    for (size_t i = 0; i < state.started; i++)
        if (state.workers[i].is == WORKER_POLLING)
            state.workers[i].is = WORKER_RUNNING;
    (void)__real_pthread_cond_signal(&state.go);
    unlock();
}

static void wait_for_workers(void)
{
    struct timespec until;
    int number = 0;
    (void)__real_clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WORKER_PATIENCE_S;
    lock();
    while (one_runs() && number != ETIMEDOUT)
        number = pthread_cond_timedwait(&state.blocked, &state.mutex, &until);
    unlock();
    if (number == ETIMEDOUT) {
        fprintf(stderr, "lockstep: a worker hangs, or waits in a way that lockstep.c misses\n");
        abort();
    }
}

int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    if (!state.active || is_loop)
        return __real_pthread_cond_wait(condition, mutex);
    /* Who signals holds `mutex`, so nothing comes between this and the wait. */
    lock();
    worker_is(WORKER_IDLE, condition);
    unlock();
    int number = __real_pthread_cond_wait(condition, mutex);
    lock();
    worker_is(WORKER_RUNNING, NULL);
    unlock();
    return number;
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition)
{
    if (state.active && is_loop) {
        lock();
        for (size_t i = 0; i < state.started; i++)
            if (state.workers[i].is == WORKER_IDLE && state.workers[i].condition == condition)
                state.workers[i].is = WORKER_RUNNING;
        unlock();
    }
    return __real_pthread_cond_signal(condition);
}

static bool is_due(int64_t due_us)
{
    return state.over || state.now_us >= due_us;
}

/* Of the loop's thread: vsa_server_new() waiting for the NSM. */
static int poll_alone(struct pollfd *fds, nfds_t count, int timeout)
{
    int ready = __real_poll(fds, count, 0);
    if (ready == 0 && timeout > 0)
        state.now_us += (int64_t)timeout * 1000;
    return ready;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (!state.active)
        return __real_poll(fds, count, timeout);
    if (is_loop)
        return poll_alone(fds, count, timeout);
    int64_t due_us = timeout < 0 ? INT64_MAX : state.now_us + (int64_t)timeout * 1000;
    int ready = 0;
    lock();
    while ((ready = __real_poll(fds, count, 0)) == 0 && !is_due(due_us)) {
        worker_is(WORKER_POLLING, NULL);
        while (own->is == WORKER_POLLING && !state.over)
            (void)__real_pthread_cond_wait(&state.go, &state.mutex);
    }
    worker_is(WORKER_RUNNING, NULL);
    if (ready == 0 && state.over && timeout > 0)
        state.now_us += (int64_t)timeout * 1000;
    unlock();
    return ready;
}

/* --- the loop --------------------------------------------------------------------------------- */

/* Until all wait for the program. */
static void let_workers_run(void)
{
    wait_for_workers();
    while (state.with.serve(state.with.user)) {
        let_worker_look();
        wait_for_workers();
    }
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int capacity, int timeout)
{
    if (!state.active || !is_loop)
        return __real_epoll_wait(fd, events, capacity, timeout);
    for (;;) {
        FUZZ_REQUIRE(++state.iterations <= MAX_ITERATIONS);
        let_workers_run();
        if (!state.settling) {
            state.settling = state.with.step(state.with.user, timeout) == LOCKSTEP_SETTLE;
            let_workers_run();
        }
        int count = __real_epoll_wait(fd, events, capacity, 0);
        if (count != 0 || timeout == 0 || state.moved) {
            state.moved = false;
            return count;
        }
        state.settling = false;
    }
}

void lockstep_advance(int64_t ms)
{
    state.now_us += ms * 1000;
    state.moved = true;
    let_worker_look();
}

void lockstep_begin(const struct lockstep *with)
{
    state.with = *with;
    state.settling = false;
    state.moved = false;
    state.over = false;
    state.iterations = 0;
    state.now_us = BEGIN_US;
    state.started = 0;
    state.known = 0;
    is_loop = true;
    state.active = true;
}

void lockstep_release(void)
{
    lock();
    state.over = true;
    state.now_us += END_US;
    (void)__real_pthread_cond_signal(&state.go);
    unlock();
}

void lockstep_end(void)
{
    state.active = false;
    is_loop = false;
}
