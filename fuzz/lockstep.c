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
/* Real seconds for the worker to block again: a signature takes milliseconds. */
#define WORKER_PATIENCE_S 20

enum worker_state {
    WORKER_RUNNING,
    WORKER_IDLE,   /* in pthread_cond_wait() */
    WORKER_POLLING /* in poll(): the NSM did not answer yet */
};

static struct {
    struct lockstep with;
    bool active;
    bool settling;
    bool moved; /* the clock, since the loop had its last turn */
    size_t iterations;
    _Atomic int64_t now_us;

    pthread_mutex_t mutex;
    pthread_cond_t blocked; /* the worker did */
    pthread_cond_t go;      /* a polling worker looks again */
    enum worker_state worker;
    bool over; /* nothing blocks any more */
} state = {
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .blocked = PTHREAD_COND_INITIALIZER,
    .go = PTHREAD_COND_INITIALIZER,
};

static _Thread_local bool is_loop;

int __real_epoll_wait(int fd, struct epoll_event *events, int capacity, int timeout);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __real_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __real_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int capacity, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);

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

/* --- the worker ------------------------------------------------------------------------------- */

/* With the mutex held. */
static void worker_is(enum worker_state worker)
{
    state.worker = worker;
    (void)__real_pthread_cond_signal(&state.blocked);
}

static void lock(void)
{
    (void)pthread_mutex_lock(&state.mutex);
}

static void unlock(void)
{
    (void)pthread_mutex_unlock(&state.mutex);
}

static void let_worker_look(void)
{
    lock();
    if (state.worker == WORKER_POLLING)
        state.worker = WORKER_RUNNING;
    (void)__real_pthread_cond_signal(&state.go);
    unlock();
}

static void wait_for_worker(void)
{
    struct timespec until;
    int number = 0;
    (void)__real_clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WORKER_PATIENCE_S;
    lock();
    while (state.worker == WORKER_RUNNING && number != ETIMEDOUT)
        number = pthread_cond_timedwait(&state.blocked, &state.mutex, &until);
    unlock();
    if (number == ETIMEDOUT) {
        fprintf(stderr, "lockstep: the worker hangs, or waits in a way that lockstep.c misses\n");
        abort();
    }
}

int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    if (!state.active || is_loop)
        return __real_pthread_cond_wait(condition, mutex);
    /* Who signals holds `mutex`, so nothing comes between this and the wait. */
    lock();
    worker_is(WORKER_IDLE);
    unlock();
    int number = __real_pthread_cond_wait(condition, mutex);
    lock();
    worker_is(WORKER_RUNNING);
    unlock();
    return number;
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition)
{
    if (state.active && is_loop) {
        lock();
        if (state.worker == WORKER_IDLE)
            state.worker = WORKER_RUNNING;
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
        worker_is(WORKER_POLLING);
        while (state.worker == WORKER_POLLING && !state.over)
            (void)__real_pthread_cond_wait(&state.go, &state.mutex);
    }
    worker_is(WORKER_RUNNING);
    if (ready == 0 && state.over && timeout > 0)
        state.now_us += (int64_t)timeout * 1000;
    unlock();
    return ready;
}

/* --- the loop --------------------------------------------------------------------------------- */

/* Until both wait for the program. */
static void let_worker_run(void)
{
    wait_for_worker();
    while (state.with.serve(state.with.user)) {
        let_worker_look();
        wait_for_worker();
    }
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int capacity, int timeout)
{
    if (!state.active || !is_loop)
        return __real_epoll_wait(fd, events, capacity, timeout);
    for (;;) {
        FUZZ_REQUIRE(++state.iterations <= MAX_ITERATIONS);
        let_worker_run();
        if (!state.settling) {
            state.settling = state.with.step(state.with.user, timeout) == LOCKSTEP_SETTLE;
            let_worker_run();
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
    state.worker = WORKER_RUNNING;
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
