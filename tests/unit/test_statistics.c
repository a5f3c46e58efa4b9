/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "pipeline_fixture.h"
#include "server/status.h"

static void test_numbers(void **state)
{
    (void)state;
    struct vsa_server_statistics statistics;
    memset(&statistics, 0xa5, sizeof(statistics));
    vsa_statistics_read(&pipeline.requests, &statistics);
    assert_int_equal(statistics.uptime_ms, 0);
    assert_int_equal(statistics.requests, 0);
    assert_int_equal(statistics.connections, 0);
    int waiting = connect_stream();
    int idle = connect_stream();
    send_text(idle, PING "{\n");
    (void)receive_lines(idle, 2);
    begin_request(waiting, NONCE);
    vsa_statistics_read(&pipeline.requests, &statistics);
    assert_int_equal(statistics.requests, 2);
    assert_int_equal(statistics.errors, 1);
    assert_int_equal(statistics.connections, 2);
    assert_int_equal(statistics.connections_idle, 1);
    assert_int_equal(statistics.connections_busy, 1);
    assert_int_equal(statistics.connections_opened, 2);
    assert_int_equal(statistics.in_flight, 1);
    assert_int_equal(statistics.queue_depth, 1);
    assert_true(statistics.buffered_bytes > 0);
    assert_true(statistics.nsm_reachable);
    assert_string_equal(statistics.module_id, "i-1");
    assert_int_equal(statistics.command_count, 5);
    assert_string_equal(statistics.commands[0].name, "ping");
    assert_int_equal(statistics.commands[0].requests, 1);
    assert_string_equal(statistics.commands[4].name, "limited");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers, pipeline_set_up, pipeline_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
