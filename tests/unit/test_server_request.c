/* SPDX-License-Identifier: Apache-2.0 */
/* How a request ends: counted, reported, its reply sent. */
#include "unit_test.h"

#include "base/container_of.h"
#include "base/error.h"
#include "pipeline_fixture.h"
#include "server/waiting.h"

/* A request that nothing but the test answers. */
static struct vsa_waiter *begin_waiting(int peer)
{
    begin_request(peer, "{\"command\":\"attest\",\"nonce\":\"n\",\"id\":5}\n");
    return VSA_CONTAINER_OF(pipeline.requests.timeouts.running.next, struct vsa_waiter, timer.link);
}

static void test_finish(void **state)
{
    (void)state;
    int peer = connect_stream();
    struct vsa_waiter *waiter = begin_waiting(peer);
    const struct vsa_reply reply = vsa_reply_of_text(vsa_slice_of("{\"x\":1", 6), ",\"y\":2",
                                                     waiter->request.id, VSA_OK, NULL);
    vsa_request_finish(&pipeline.requests, &waiter->request, &reply);
    vsa_waiter_abandon(waiter);
    assert_string_equal(receive_lines(peer, 1), "{\"x\":1,\"y\":2,\"id\":5}\n");
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.requests), 1);
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.errors), 0);
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.command_requests[2]), 1);
    assert_int_equal(pipeline.events[VSA_EVENT_REQUEST], 1);
}

/* What no command can be named for is counted among all, and as none. */
static void test_fail(void **state)
{
    (void)state;
    struct vsa_error error;
    int peer = connect_stream();
    struct vsa_waiter *waiter = begin_waiting(peer);
    vsa_error_set(&error, VSA_ERR_BUSY, VSA_NO_OFFSET, NULL, "not now");
    waiter->request.named = NULL;
    vsa_request_fail(&pipeline.requests, &waiter->request, &error);
    vsa_waiter_abandon(waiter);
    assert_string_equal(
        receive_lines(peer, 1),
        "{\"success\":false,\"error\":\"not now\",\"error_code\":\"busy\",\"id\":5}\n");
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.requests), 1);
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.errors), 1);
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.command_requests[2]), 0);
    assert_in_flight(0);
    assert_nothing_buffered();
}

static void on_event(void *user, const struct vsa_server_event *event)
{
    *(struct vsa_server_event *)user = *event;
}

static void test_observe(void **state)
{
    (void)state;
    struct vsa_server_event seen = {0};
    (void)connect_stream();
    (void)connect_stream();
    pipeline.options.on_event = on_event;
    pipeline.options.user = &seen;
    vsa_observe(&pipeline.requests,
                (struct vsa_server_event){.kind = VSA_EVENT_REQUEST, .connection = 7});
    assert_int_equal(seen.kind, VSA_EVENT_REQUEST);
    assert_int_equal(seen.connection, 7);
    assert_int_equal(seen.connections, 2);
    pipeline.options.on_event = NULL;
    vsa_observe(&pipeline.requests, (struct vsa_server_event){.kind = VSA_EVENT_STOPPED});
    assert_int_equal(seen.kind, VSA_EVENT_REQUEST);
}

static void test_event_names(void **state)
{
    (void)state;
    assert_string_equal(vsa_server_event_name(VSA_EVENT_LISTENING), "listening");
    assert_string_equal(vsa_server_event_name(VSA_EVENT_STOPPED), "stopped");
    assert_string_equal(vsa_server_event_name((enum vsa_server_event_kind)(VSA_EVENT_STOPPED + 1)),
                        "unknown");
    for (int kind = 0; kind < VSA_EVENT_STOPPED; kind++)
        assert_string_not_equal(vsa_server_event_name((enum vsa_server_event_kind)kind),
                                vsa_server_event_name((enum vsa_server_event_kind)(kind + 1)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pipeline_set_up, pipeline_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_finish), TEST(test_fail), TEST(test_observe),
                                       cmocka_unit_test(test_event_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
