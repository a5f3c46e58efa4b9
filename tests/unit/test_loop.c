/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/monotonic.h"
#include "event/loop.h"

static struct vsa_event_loop loop;
static int wakes;
static int readies;
static int expiries;
static int pipe_fds[2];

static void on_woken(void *user)
{
    assert_ptr_equal(user, &loop);
    wakes++;
}

static void on_ready(struct vsa_event_watch *watch, uint32_t events)
{
    char byte;
    readies++;
    assert_true(events & EPOLLIN);
    assert_int_equal(read(watch->fd, &byte, 1), 1);
}

static int set_up(void **state)
{
    (void)state;
    wakes = readies = expiries = 0;
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(vsa_event_loop_open(&loop, on_woken, &loop, NULL), VSA_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vsa_event_loop_close(&loop);
    vsa_event_loop_close(&loop);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
    return 0;
}

static void *wake_soon(void *argument)
{
    vsa_event_loop_wake(argument);
    return NULL;
}

static void test_wake(void **state)
{
    (void)state;
    pthread_t thread;
    vsa_event_loop_wake(&loop);
    vsa_event_loop_wake(&loop);
    vsa_event_loop_iterate(&loop);
    assert_int_equal(wakes, 1);
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, &loop), 0);
    vsa_event_loop_iterate(&loop); /* without a timer: returns because it is woken */
    assert_int_equal(wakes, 2);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_watch(void **state)
{
    (void)state;
    struct vsa_event_watch watch = {.fd = pipe_fds[0], .ready = on_ready};
    assert_int_equal(vsa_event_loop_watch(&loop, &watch, EPOLLIN, NULL), VSA_OK);
    assert_int_equal(write(pipe_fds[1], "xy", 2), 2);
    vsa_event_loop_iterate(&loop);
    vsa_event_loop_iterate(&loop); /* level-triggered: a byte is left */
    assert_int_equal(readies, 2);
    assert_int_equal(write(pipe_fds[1], "z", 1), 1);
    assert_int_equal(vsa_event_loop_watch(&loop, &watch, 0, NULL), VSA_OK);
    vsa_event_loop_wake(&loop);
    vsa_event_loop_iterate(&loop);
    assert_int_equal(readies, 2);
    vsa_event_loop_unwatch(&loop, &watch);
    vsa_event_loop_unwatch(&loop, &watch);
    assert_false(watch.added);
}

static void test_watch_fails(void **state)
{
    (void)state;
    struct vsa_error error;
    struct vsa_event_watch watch = {.fd = -1, .ready = on_ready};
    assert_int_equal(vsa_event_loop_watch(&loop, &watch, EPOLLIN, &error), VSA_ERR_IO);
    assert_false(watch.added);
}

static void on_expired(void *user, struct vsa_timer *timer)
{
    (void)timer;
    ++*(int *)user;
}

static void test_timer(void **state)
{
    (void)state;
    struct vsa_timer_list soon;
    struct vsa_timer_list late;
    struct vsa_timer timers[2] = {{{0}}};
    int late_ones = 0;
    vsa_event_loop_add(&loop, &late, VSA_TIMER_NEVER, on_expired, &late_ones);
    vsa_event_loop_add(&loop, &soon, 1, on_expired, &expiries);
    vsa_timer_start(&late, &timers[0], loop.now_ms);
    vsa_timer_start(&soon, &timers[1], loop.now_ms);
    while (expiries == 0)
        vsa_event_loop_iterate(&loop);
    assert_int_equal(late_ones, 0);
    assert_false(vsa_timer_runs(&timers[1]));
}

/* Takes a whole slice. */
static void on_expired_slowly(void *user, struct vsa_timer *timer)
{
    on_expired(user, timer);
    while (!vsa_event_loop_is_over(&loop))
        continue;
}

/* What is due all at once does not keep events waiting: one slice of it, then epoll again. */
static void test_slice(void **state)
{
    (void)state;
    struct vsa_timer_list list;
    struct vsa_timer timers[3] = {{{0}}};
    vsa_event_loop_add(&loop, &list, 0, on_expired_slowly, &expiries);
    for (int i = 0; i < 3; i++)
        vsa_timer_start(&list, &timers[i], loop.now_ms);
    vsa_event_loop_iterate(&loop);
    assert_int_equal(expiries, 1);
    assert_int_equal(wakes, 0);
    vsa_event_loop_wake(&loop);
    vsa_event_loop_iterate(&loop);
    assert_int_equal(expiries, 2);
    assert_int_equal(wakes, 1);
    vsa_event_loop_iterate(&loop);
    assert_int_equal(expiries, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wake, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_watch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_watch_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slice, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
