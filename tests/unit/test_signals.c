/* SPDX-License-Identifier: Apache-2.0 */
/* Signals that stop a service, sent to this process itself. */
#include "unit_test.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "command_line/signals.h"

static volatile sig_atomic_t stops;

static void stop(void *user)
{
    (void)user;
    stops = stops + 1;
}

static void test_catch(void **state)
{
    int service = 0;
    (void)state;
    signals_catch(stop, &service);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(raise(SIGINT), 0);
    assert_int_equal(raise(SIGPIPE), 0); /* would end the test */
    assert_int_equal(stops, 2);
    signals_block(true);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(stops, 2);
    signals_block(false);
    assert_int_equal(stops, 3);
    signals_catch(stop, NULL);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(stops, 3);
}

static void test_open(void **state)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int fd = -1;
        assert_int_equal(signals_open(&fd, NULL), VSA_OK);
        struct pollfd waiting = {fd, POLLIN, 0};
        assert_int_equal(poll(&waiting, 1, 0), 0);
        assert_int_equal(raise(numbers[i]), 0);
        assert_int_equal(poll(&waiting, 1, 0), 1);
        char taken[200];
        assert_true(read(fd, taken, sizeof(taken)) > 0);
        assert_int_equal(close(fd), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catch),
        cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
