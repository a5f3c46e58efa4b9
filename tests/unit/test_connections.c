/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "pipeline_fixture.h"
#include "server/connections.h"

static void test_life(void **state)
{
    (void)state;
    char much[5000];
    int peer = connect_stream();
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.opened), 1);
    assert_int_equal(pipeline.events[VSA_EVENT_CONNECTION_OPENED], 1);
    memset(much, 'x', sizeof(much) - 1);
    much[sizeof(much) - 1] = '\0';
    send_text(peer, much);
    assert_says(peer, "\"error_code\":\"line_too_long\"}");
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.requests), 0); /* it is none */
    (void)shutdown(peer, SHUT_RDWR);
    while (pipeline.events[VSA_EVENT_CONNECTION_CLOSED] == 0)
        iterate();
}

/* A refused one is no stream: it gets its line all the same. */
static void test_refused(void **state)
{
    (void)state;
    int pair[2];
    struct vsa_error error;
    vsa_error_set(&error, VSA_ERR_CONNECTIONS, VSA_NO_OFFSET, NULL, "too many");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    pipeline.peers[pipeline.peer_count++] = pair[0];
    pipeline.peers[pipeline.peer_count++] = pair[1];
    vsa_connection_refused(&pipeline.requests, pair[1], &error);
    assert_string_equal(receive_lines(pair[0], 1), "{\"success\":false,\"error\":\"too many\","
                                                   "\"error_code\":\"too_many_connections\"}\n");
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.refused), 1);
    assert_int_equal(pipeline.events[VSA_EVENT_CONNECTION_REFUSED], 1);
    vsa_connection_refused(&pipeline.requests, -1, &error);
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.refused), 1);
    assert_int_equal(pipeline.events[VSA_EVENT_ACCEPT_PAUSED], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pipeline_set_up, pipeline_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_life), TEST(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
