/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait: for a call, for too long, for a stream that is gone. */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>

#include "pipeline_fixture.h"
#include "server/waiting.h"

static void test_timeout(void **state)
{
    (void)state;
    int peer = connect_stream();
    pipeline.requests.timeouts.duration_ms = 50;
    send_text(peer, "{\"command\":\"attest\",\"nonce\":\"n\",\"id\":1}\n" PING);
    assert_says(peer, "\"error_code\":\"timeout\",\"id\":1}\n");
    assert_string_equal(receive_lines(peer, 1), PONG);
    assert_in_flight(0);
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.queue_depth), 0); /* taken back */
    assert_nothing_buffered();
}

/* The first of those who share goes: the others get it all the same. All go: it is taken back. */
static void test_peers_that_go(void **state)
{
    (void)state;
    int one = connect_stream();
    int other = connect_stream();
    begin_request(one, ATTEST);
    begin_request(other, ATTEST);
    (void)shutdown(one, SHUT_RDWR);
    iterate();
    assert_in_flight(1);
    assert_int_equal(pipeline.events[VSA_EVENT_CONNECTION_CLOSED], 1);
    (void)shutdown(other, SHUT_RDWR);
    iterate();
    assert_in_flight(0);
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.queue_depth), 0);
    assert_null(vsa_list_first(&pipeline.requests.sharing.under_way));
    assert_nothing_buffered();
}

static void test_stop(void **state)
{
    (void)state;
    int one = connect_stream();
    int other = connect_stream();
    begin_request(one, NONCE);
    pipeline.requests.refusing = true;
    send_text(other, PING);
    assert_says(other, "\"error_code\":\"shutting_down\"");
    vsa_waiting_give_up(&pipeline.requests);
    assert_says(one, "\"error_code\":\"shutting_down\"");
    assert_in_flight(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pipeline_set_up, pipeline_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_timeout),
        TEST(test_peers_that_go),
        TEST(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
