/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "event/loop.h"

static struct vsa_event_loop loop; /* not open: its time is the test's */
static struct vsa_timer timers[4];
static struct vsa_timer_list list;
static char expired[16];
static struct vsa_timer *start_on_expiry;
static struct vsa_timer *stop_on_expiry;
static int quick; /* expiries before the slice is over */

static void on_expired(void *user, struct vsa_timer *timer)
{
    char name[2] = {(char)('a' + (timer - timers)), '\0'};
    assert_ptr_equal(user, expired);
    assert_false(vsa_timer_runs(timer));
    strcat(expired, name);
    if (start_on_expiry)
        vsa_timer_start(&list, start_on_expiry, 0);
    if (stop_on_expiry)
        vsa_timer_stop(stop_on_expiry);
    if (--quick <= 0)
        loop.slice_us = 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(timers, 0, sizeof(timers));
    start_on_expiry = NULL;
    stop_on_expiry = NULL;
    quick = 100;
    loop = (struct vsa_event_loop){0};
    vsa_event_loop_add(&loop, &list, 10, on_expired, expired);
    return 0;
}

static void expire_at(int64_t now, const char *expected)
{
    expired[0] = '\0';
    loop.now_ms = now;
    loop.slice_us = INT64_MAX / 2;
    vsa_event_loop_expire(&loop, &list);
    assert_string_equal(expired, expected);
}

static void test_order(void **state)
{
    (void)state;
    assert_null(vsa_timer_first(&list));
    vsa_timer_start(&list, &timers[0], 0);
    vsa_timer_start(&list, &timers[1], 5);
    vsa_timer_start(&list, &timers[2], 5);
    assert_ptr_equal(vsa_timer_first(&list), &timers[0]);
    assert_int_equal(timers[0].due_ms, 10);
    expire_at(9, "");
    expire_at(10, "a");
    assert_ptr_equal(vsa_timer_first(&list), &timers[1]);
    expire_at(99, "bc");
    assert_null(vsa_timer_first(&list));
}

static void test_start_again(void **state)
{
    (void)state;
    struct vsa_timer_list other;
    vsa_event_loop_add(&loop, &other, 1000, on_expired, expired);
    vsa_timer_start(&list, &timers[0], 0);
    vsa_timer_start(&list, &timers[1], 1);
    vsa_timer_start(&list, &timers[0], 2);
    expire_at(11, "b");
    vsa_timer_start(&other, &timers[0], 2);
    expire_at(99, "");
    assert_ptr_equal(vsa_timer_first(&other), &timers[0]);
    vsa_timer_stop(&timers[0]);
    vsa_timer_stop(&timers[0]);
    assert_null(vsa_timer_first(&other));
}

/* A timer that the expiry of another one starts is for the next time, due or not. */
static void test_started_by_expiry(void **state)
{
    (void)state;
    vsa_timer_start(&list, &timers[0], 0);
    vsa_timer_start(&list, &timers[1], 0);
    start_on_expiry = &timers[0];
    expire_at(50, "ab");
    start_on_expiry = NULL;
    expire_at(50, "a");
}

/* The last one at the start of the expiry may be stopped by the first. */
static void test_stopped_by_expiry(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        vsa_timer_start(&list, &timers[i], 0);
    stop_on_expiry = &timers[2];
    start_on_expiry = &timers[3];
    expire_at(50, "ab");
}

/* However little time there is, one goes each time. */
static void test_slice(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        vsa_timer_start(&list, &timers[i], 0);
    quick = 0;
    expire_at(50, "a");
    quick = 2;
    expire_at(50, "bc");
    quick = 2;
    expire_at(50, "d");
}

static void test_never(void **state)
{
    (void)state;
    list.duration_ms = VSA_TIMER_NEVER;
    vsa_timer_start(&list, &timers[0], 1);
    expire_at(INT64_MAX - 1, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, set_up),
        cmocka_unit_test_setup(test_start_again, set_up),
        cmocka_unit_test_setup(test_started_by_expiry, set_up),
        cmocka_unit_test_setup(test_stopped_by_expiry, set_up),
        cmocka_unit_test_setup(test_slice, set_up),
        cmocka_unit_test_setup(test_never, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
