/* SPDX-License-Identifier: Apache-2.0 */
/* From a line to its reply, over socketpair(2), with a worker that starts when the test wants. */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>

#include "pipeline_fixture.h"
#include "server/dispatch.h"

static void test_here(void **state)
{
    (void)state;
    int peer = connect_stream();
    send_text(peer, " \r\n" PING "{\"command\":\"ping\",\"id\":\"a\\u0001\"}\n");
    assert_string_equal(receive_lines(peer, 2),
                        PONG "{\"success\":true,\"message\":\"pong\",\"id\":\"a\\u0001\"}\n");
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.requests), 2);
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.command_requests[0]), 2);
    assert_int_equal(pipeline.events[VSA_EVENT_REQUEST], 2);
    assert_int_equal(pipeline.events[VSA_EVENT_CONNECTION_OPENED], 1);
}

static void test_mistakes(void **state)
{
    (void)state;
    int peer = connect_stream();
    send_text(peer, "{\n{\"command\":\"nope\",\"id\":3}\n{\"id\":4}\n"
                    "{\"command\":\"attest\",\"nonce\":5}\n" PING);
    const char *text = receive_lines(peer, 5);
    const char *const codes[] = {
        "json_invalid",    "unknown_command", "available_commands", "\"id\":3}",
        "request_invalid", "\"id\":4}",       "field_invalid",      "pong"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        text = strstr(text, codes[i]);
        assert_non_null(text);
    }
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.errors), 4);
    assert_in_flight(0); /* what cannot be decoded never goes to the NSM */
}

static void test_attest(void **state)
{
    (void)state;
    int peer = connect_stream();
    start_worker();
    send_text(peer, "{\"command\":\"attest\",\"user_data\":\"data\",\"id\":7}\n" PING);
    assert_says(peer, "\"attestation_document\":\"ZGF0YQ==\"");
    assert_in_flight(0);
    assert_int_equal(pipeline.fake.attestations, 1);
    assert_nothing_buffered();
}

static void test_order(void **state)
{
    (void)state;
    int peer = connect_stream();
    begin_request(peer, NONCE PING);
    assert_in_flight(1);
    start_worker();
    assert_says(peer, "attestation_document");
    assert_string_equal(receive_lines(peer, 1), PONG);
}

static void test_queue_full(void **state)
{
    (void)state;
    pipeline.requests.rate.rate = 1;
    pipeline.requests.rate.burst = 10;
    int several[3] = {connect_stream(), connect_stream(), connect_stream()};
    begin_request(several[0], NONCE);
    begin_request(several[1], NONCE);
    send_text(several[2], NONCE);
    assert_says(several[2], "\"error_code\":\"busy\"");
    assert_in_flight(2);
    /* It was not carried out: its token came back. */
    send_text(several[2], NONCE);
    assert_says(several[2], "busy");
    for (int i = 0; i < 10; i++) {
        send_text(several[2], "{\"command\":\"limited\"}\n");
        assert_says(several[2], "true");
    }
    send_text(several[2], "{\"command\":\"limited\"}\n");
    assert_says(several[2], "\"retry_after_ms\":");
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.rate_limited), 1);
}

static void test_in_flight_limit(void **state)
{
    (void)state;
    pipeline.options.max_in_flight = 1;
    int one = connect_stream();
    int other = connect_stream();
    begin_request(one, ATTEST);
    send_text(other, ATTEST); /* not even one that would share */
    assert_says(other, "\"error_code\":\"busy\"");
}

static void test_summaries(void **state)
{
    (void)state;
    int peer = connect_stream();
    for (int i = 0; i < 2 * VSA_SUMMARIES_NEW; i++)
        send_text(peer, "{\"command\":\"status\",\"id\":7}\n");
    send_text(peer, PING);
    int same = 0;
    while (vsa_counter_get(&pipeline.requests.counters.requests) < 2 * VSA_SUMMARIES_NEW + 1)
        iterate();
    for (const char *line = receive_lines(peer, 2 * VSA_SUMMARIES_NEW + 1);
         (line = strstr(line, "\"requests\":9,")); line++)
        same++;
    /* The tenth one is the last that is new: it says nine, and so do those after it. */
    assert_true(same >= VSA_SUMMARIES_NEW ||
                pipeline.loop.now_ms - pipeline.requests.summaries[1].begun_ms > 0);
}

/*
 * The peer reads no more, and its replies are more than what is collected before they are sent: so
 * sending fails while the line, the reply's buffer and a call's request are in use. None may go
 * before the end of the turn. A sanitizer sees it if one does.
 */
static void test_reader_that_goes(void **state)
{
    (void)state;
    const int count = 150;
    int peer = connect_stream();
    begin_request(peer, NONCE);
    (void)shutdown(peer, SHUT_RD);
    for (int i = 0; i < count; i++)
        send_text(peer,
                  "{\"command\":\"metrics\",\"id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n");
    start_worker();
    while (pipeline.events[VSA_EVENT_CONNECTION_CLOSED] == 0)
        iterate();
    assert_in_flight(0);
    assert_nothing_buffered();
}

static void add(const char *name, vsa_command_handler *handler, unsigned flags)
{
    const struct vsa_command command = {name, handler, NULL, flags};
    assert_int_equal(
        vsa_command_table_add(&pipeline.requests.table, &command, VSA_ROLE_PROGRAM, NULL), VSA_OK);
}

static enum vsa_status say_too_much(const struct vsa_command_context *context,
                                    const json_t *request, json_t *reply, struct vsa_error *error)
{
    static char text[VSA_MAX_REPLY_LINE];
    (void)context, (void)request;
    memset(text, 'a', sizeof(text));
    return vsa_json_set(reply, "text", json_stringn(text, sizeof(text)), error);
}

static enum vsa_status agree(const struct vsa_command_context *context, const json_t *request,
                             json_t *reply, struct vsa_error *error)
{
    (void)context, (void)request, (void)reply, (void)error;
    return VSA_OK;
}

/* It counts as what its client reads. */
static void test_too_large(void **state)
{
    (void)state;
    int peer = connect_stream();
    add("here", say_too_much, 0);
    add("there", say_too_much, VSA_COMMAND_BLOCKING);
    start_worker();
    send_text(peer, "{\"command\":\"here\",\"id\":1}\n{\"command\":\"there\"}\n");
    assert_says(peer, "\"error_code\":\"too_large\",\"id\":1}\n");
    assert_says(peer, "\"error_code\":\"too_large\"}\n");
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.errors), 2);
}

/* A handler before all commands lifts no limit, and is not limited for those that have none. */
static void test_limited_behind_any(void **state)
{
    (void)state;
    int peer = connect_stream();
    pipeline.requests.rate.rate = 1;
    pipeline.requests.rate.burst = 1;
    add(VSA_COMMAND_ANY, agree, VSA_COMMAND_BLOCKING);
    start_worker();
    send_text(peer, ATTEST PING ATTEST PING);
    assert_says(peer, "true");
    assert_says(peer, "true");
    assert_says(peer, "\"error_code\":\"rate_limited\"");
    assert_says(peer, "true");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pipeline_set_up, pipeline_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_too_large),  TEST(test_limited_behind_any),
        TEST(test_here),       TEST(test_mistakes),
        TEST(test_attest),     TEST(test_order),
        TEST(test_queue_full), TEST(test_in_flight_limit),
        TEST(test_summaries),  TEST(test_reader_that_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
