/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are done, and what they show of the NSM. */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>

#include "pipeline_fixture.h"
#include "server/call.h"

/* `status` has the NSM asked when what is known is old, and does not wait for it. */
static void test_probe(void **state)
{
    (void)state;
    int peer = connect_stream();
    (void)vsa_nsm_health_end_probe(&pipeline.health, VSA_ERR_TIMEOUT, NULL, 0);
    send_text(peer, "{\"command\":\"status\"}\n{\"command\":\"status\"}\n");
    assert_says(peer, "running");
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.queue_depth), 1);
    start_worker();
    while (!pipeline.health.reachable)
        iterate();
    assert_string_equal(pipeline.health.module_id, FAKE_NSM_MODULE_ID);
    assert_int_equal(pipeline.events[VSA_EVENT_NSM_REACHABLE], 1);
}

/* What waits counts against the streams' budget, until it is answered. */
static void test_charge(void **state)
{
    (void)state;
    const size_t budget = 1 << 20;
    int peer = connect_stream();
    assert_true(vsa_budget_charge(&pipeline.streams->budget, budget));
    send_text(peer, NONCE);
    assert_says(peer, "\"error_code\":\"busy\"");
    assert_in_flight(0);
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.queue_depth), 0);
    vsa_budget_refund(&pipeline.streams->budget, budget);
    begin_request(peer, NONCE);
    assert_true(vsa_counter_get(&pipeline.streams->budget.used) > 0);
    start_worker();
    assert_says(peer, "attestation_document");
    assert_nothing_buffered();
}

static enum vsa_status agree(const struct vsa_command_context *context, const json_t *request,
                             json_t *reply, struct vsa_error *error)
{
    (void)context, (void)request, (void)reply, (void)error;
    return VSA_OK;
}

/* A handler that does without the NSM says nothing about it. */
static void test_blocking_is_no_news(void **state)
{
    (void)state;
    const struct vsa_command command = {"agree", agree, NULL, VSA_COMMAND_BLOCKING};
    int peer = connect_stream();
    assert_int_equal(
        vsa_command_table_add(&pipeline.requests.table, &command, VSA_ROLE_PROGRAM, NULL), VSA_OK);
    int64_t updated_ms = pipeline.health.updated_ms;
    start_worker();
    send_text(peer, "{\"command\":\"agree\"}\n");
    assert_says(peer, "true");
    assert_true(pipeline.health.reachable);
    assert_int_equal(pipeline.health.updated_ms, updated_ms);
    assert_int_equal(pipeline.fake.exchanges, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pipeline_set_up, pipeline_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_probe),
        TEST(test_charge),
        TEST(test_blocking_is_no_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
