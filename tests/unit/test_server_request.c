/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline: streams over socketpair(2), and a worker whose thread starts when the test wants.
 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "fake_nsm.h"
#include "server/builtin.h"
#include "server/request.h"

#define ATTEST "{\"command\":\"attest\"}\n"
#define NONCE  "{\"command\":\"attest\",\"nonce\":\"n\"}\n"
#define PING   "{\"command\":\"ping\"}\n"
#define PONG   "{\"success\":true,\"message\":\"pong\"}\n"

static struct fake_nsm fake;
static struct vsa_event_loop loop;
static struct vsa_streams *streams;
static struct vsa_worker *worker;
static struct vsa_command_table table;
static struct vsa_server_options options;
static struct vsa_builtin builtin;
static struct vsa_rate_limit rate;
static struct vsa_sharing sharing;
static struct vsa_nsm_health health;
static struct vsa_counters counters;
static struct vsa_observer observer;
static struct vsa_requests requests;
static int events[VSA_EVENT_STOPPED + 1];
static int peers[16];
static size_t peer_count;

static void on_event(void *user, const struct vsa_server_event *event)
{
    (void)user;
    events[event->kind]++;
}

static void on_woken(void *user)
{
    (void)user;
    vsa_requests_collect(&requests);
}

static void on_done(void *user)
{
    vsa_event_loop_wake(user);
}

static void on_exchanged(void *user, int64_t duration_us, enum vsa_status status)
{
    (void)user, (void)duration_us, (void)status;
}

static void read_statistics(const void *user, struct vsa_server_statistics *statistics)
{
    (void)user;
    vsa_counters_read(&counters, 0, statistics);
}

static enum vsa_status limited(const struct vsa_command_context *context, const json_t *request,
                               json_t *reply, struct vsa_error *error)
{
    (void)context, (void)request, (void)reply, (void)error;
    return VSA_OK;
}

static void set_requests(void)
{
    requests = (struct vsa_requests){.loop = &loop,
                                     .streams = streams,
                                     .worker = worker,
                                     .table = &table,
                                     .rate = &rate,
                                     .sharing = &sharing,
                                     .health = &health,
                                     .counters = &counters,
                                     .observer = &observer,
                                     .max_in_flight = 4,
                                     .timeout_ms = 600000};
    vsa_requests_init(&requests);
}

static int set_up(void **state)
{
    (void)state;
    const struct vsa_command command = {"limited", limited, NULL, VSA_COMMAND_RATE_LIMITED};
    const struct vsa_stream_limits limits = {.max_streams = 16,
                                             .max_line = 4096,
                                             .max_buffered = 1 << 20,
                                             .attachment = VSA_REQUEST_ATTACHMENT,
                                             .idle_timeout_ms = 600000};
    fake = (struct fake_nsm){0};
    table = (struct vsa_command_table){0};
    rate = (struct vsa_rate_limit){0};
    sharing = (struct vsa_sharing){0};
    memset(&counters, 0, sizeof(counters));
    memset(events, 0, sizeof(events));
    peer_count = 0;
    builtin = (struct vsa_builtin){.options = &options, .read = read_statistics};
    vsa_nsm_health_init(&health);
    (void)vsa_nsm_health_end_probe(&health, VSA_OK, "i-1", INT64_MAX); /* news for ever */
    assert_int_equal(vsa_builtin_add(&builtin, &table, NULL), VSA_OK);
    assert_int_equal(vsa_command_table_add(&table, &command, NULL), VSA_OK);
    assert_int_equal(vsa_event_loop_open(&loop, on_woken, NULL, NULL), VSA_OK);
    const struct vsa_worker_options how = {.nsm = "unix:/nowhere",
                                           .timeout_ms = 1000,
                                           .max_queue = 2,
                                           .done = on_done,
                                           .exchanged = on_exchanged,
                                           .user = &loop};
    assert_int_equal(vsa_worker_new(&how, fake_nsm_open(&fake), &worker, NULL), VSA_OK);
    assert_int_equal(
        vsa_streams_new(&loop, &limits, &vsa_request_handlers, &requests, &streams, NULL), VSA_OK);
    observer = (struct vsa_observer){.on_event = on_event, .phases = vsa_streams_phases(streams)};
    set_requests();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vsa_worker_free(worker, vsa_call_release);
    vsa_requests_close(&requests);
    vsa_reply_cache_clear(&sharing.cache);
    vsa_streams_free(streams);
    vsa_event_loop_close(&loop);
    vsa_nsm_health_destroy(&health);
    for (size_t i = 0; i < peer_count; i++)
        (void)close(peers[i]);
    return 0;
}

/* The peer's end of a new stream. */
static int connect_stream(void)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(vsa_streams_adopt(streams, pair[1], 0, NULL), VSA_OK);
    peers[peer_count++] = pair[0];
    return pair[0];
}

static void iterate(void)
{
    vsa_event_loop_iterate(&loop);
    vsa_streams_end_iteration(streams);
}

static void start_worker(void)
{
    assert_int_equal(vsa_worker_start(worker, NULL), VSA_OK);
}

static void send_text(int peer, const char *text)
{
    assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Sends, and has it read: then one more request is in flight. */
static void begin(int peer, const char *text)
{
    uint64_t before = vsa_counter_get(&counters.in_flight);
    send_text(peer, text);
    while (vsa_counter_get(&counters.in_flight) == before)
        iterate();
}

/* So many lines, with a NUL behind, however many turns they take. */
static const char *receive_lines(int peer, int count)
{
    static char text[4 * VSA_MAX_REPLY_LINE];
    size_t size = 0;
    while (count > 0) {
        ssize_t got = recv(peer, text + size, 1, MSG_DONTWAIT);
        if (got < 0)
            iterate();
        else if (got == 0)
            fail_msg("%d lines are missing", count);
        else if (text[size++] == '\n')
            count--;
    }
    text[size] = '\0';
    return text;
}

static const char *receive(int peer)
{
    return receive_lines(peer, 1);
}

static void assert_says(int peer, const char *part)
{
    const char *text = receive(peer);
    if (!strstr(text, part))
        fail_msg("no %s in %s", part, text);
}

static void assert_in_flight(uint64_t count)
{
    assert_int_equal(vsa_counter_get(&counters.in_flight), count);
}

static void test_here(void **state)
{
    (void)state;
    int peer = connect_stream();
    send_text(peer, " \r\n" PING "{\"command\":\"ping\",\"id\":\"a\\u0001\"}\n");
    assert_string_equal(receive_lines(peer, 2),
                        PONG "{\"success\":true,\"message\":\"pong\",\"id\":\"a\\u0001\"}\n");
    assert_int_equal(vsa_counter_get(&counters.requests), 2);
    assert_int_equal(vsa_counter_get(&counters.command_requests[0]), 2);
    assert_int_equal(events[VSA_EVENT_REQUEST], 2);
    assert_int_equal(events[VSA_EVENT_CONNECTION_OPENED], 1);
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
    assert_int_equal(vsa_counter_get(&counters.errors), 4);
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
    assert_int_equal(fake.attestations, 1);
    assert_int_equal(vsa_counter_get(vsa_streams_buffered(streams)), 0);
}

static void test_order(void **state)
{
    (void)state;
    int peer = connect_stream();
    begin(peer, NONCE PING);
    assert_in_flight(1);
    start_worker();
    assert_says(peer, "attestation_document");
    assert_string_equal(receive(peer), PONG);
}

static void test_queue_full(void **state)
{
    (void)state;
    rate.rate = 1;
    rate.burst = 10;
    int several[3] = {connect_stream(), connect_stream(), connect_stream()};
    begin(several[0], NONCE);
    begin(several[1], NONCE);
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
    assert_int_equal(vsa_counter_get(&counters.rate_limited), 1);
}

static void test_in_flight_limit(void **state)
{
    (void)state;
    requests.max_in_flight = 1;
    int one = connect_stream();
    int other = connect_stream();
    begin(one, ATTEST);
    send_text(other, ATTEST); /* not even one that would share */
    assert_says(other, "\"error_code\":\"busy\"");
}

static void test_timeout(void **state)
{
    (void)state;
    int peer = connect_stream();
    requests.timeouts.duration_ms = 50;
    send_text(peer, "{\"command\":\"attest\",\"nonce\":\"n\",\"id\":1}\n" PING);
    assert_says(peer, "\"error_code\":\"timeout\",\"id\":1}\n");
    assert_string_equal(receive(peer), PONG);
    assert_in_flight(0);
    assert_int_equal(vsa_counter_get(vsa_worker_depth(worker)), 0); /* taken back */
    assert_int_equal(vsa_counter_get(vsa_streams_buffered(streams)), 0);
}

static void test_shared_call(void **state)
{
    (void)state;
    int one = connect_stream();
    int other = connect_stream();
    int third = connect_stream();
    begin(one, ATTEST);
    begin(other, "{\"command\":\"attest\",\"id\":2}\n");
    begin(third, NONCE);
    assert_in_flight(3);
    assert_int_equal(vsa_counter_get(&counters.coalesced), 1);
    start_worker();
    assert_says(one, "attestation_document");
    assert_says(other, "\"id\":2}\n");
    assert_says(third, "\"nonce\":\"n\"");
    assert_int_equal(fake.attestations, 2);
    assert_null(sharing.under_way);
}

/* The first of those who share goes: the others get it all the same. All go: it is taken back. */
static void test_peers_that_go(void **state)
{
    (void)state;
    int one = connect_stream();
    int other = connect_stream();
    begin(one, ATTEST);
    begin(other, ATTEST);
    (void)shutdown(one, SHUT_RDWR);
    iterate();
    assert_in_flight(1);
    assert_int_equal(events[VSA_EVENT_CONNECTION_CLOSED], 1);
    (void)shutdown(other, SHUT_RDWR);
    iterate();
    assert_in_flight(0);
    assert_int_equal(vsa_counter_get(vsa_worker_depth(worker)), 0);
    assert_null(sharing.under_way);
    assert_int_equal(vsa_counter_get(vsa_streams_buffered(streams)), 0);
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
    begin(peer, NONCE);
    (void)shutdown(peer, SHUT_RD);
    for (int i = 0; i < count; i++)
        send_text(peer,
                  "{\"command\":\"metrics\",\"id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n");
    start_worker();
    while (events[VSA_EVENT_CONNECTION_CLOSED] == 0)
        iterate();
    assert_in_flight(0);
    assert_int_equal(vsa_counter_get(vsa_streams_buffered(streams)), 0);
}

static void test_kept_replies(void **state)
{
    (void)state;
    int peer = connect_stream();
    const struct vsa_slice kept = vsa_slice_of("{\"kept\":1", 9);
    struct vsa_share share = {0};
    struct vsa_share_key key;
    const struct vsa_attest_request asked = {
        .user_data = vsa_slice_of(VSA_DEFAULT_USER_DATA, strlen(VSA_DEFAULT_USER_DATA))};
    sharing.ttl_ms = 600000;
    assert_true(vsa_share_key_of(&asked, &key));
    vsa_sharing_begin(&sharing, &share, &key);
    vsa_sharing_keep(&sharing, &share, kept, loop.now_ms, 600000);
    vsa_sharing_end(&sharing, &share);
    send_text(peer, ATTEST);
    assert_says(peer, "{\"kept\":1,\"cached\":true,\"age_ms\":");
    assert_int_equal(vsa_counter_get(&counters.cached), 1);
    /* The NSM is lost: another one may come back. */
    fake.status = VSA_ERR_NSM_UNREACHABLE;
    start_worker();
    send_text(peer, NONCE);
    assert_says(peer, "nsm_unreachable");
    assert_int_equal(events[VSA_EVENT_NSM_UNREACHABLE], 1);
    send_text(peer, ATTEST);
    assert_says(peer, "nsm_unreachable");
}

/* `status` has the NSM asked when what is known is old, and does not wait for it. */
static void test_probe(void **state)
{
    (void)state;
    int peer = connect_stream();
    (void)vsa_nsm_health_end_probe(&health, VSA_ERR_TIMEOUT, NULL, 0);
    send_text(peer, "{\"command\":\"status\"}\n{\"command\":\"status\"}\n");
    assert_says(peer, "running");
    assert_int_equal(vsa_counter_get(vsa_worker_depth(worker)), 1);
    start_worker();
    while (!health.reachable)
        iterate();
    assert_string_equal(health.module_id, FAKE_NSM_MODULE_ID);
    assert_int_equal(events[VSA_EVENT_NSM_REACHABLE], 1);
}

static void test_summaries(void **state)
{
    (void)state;
    int peer = connect_stream();
    for (int i = 0; i < 2 * VSA_SUMMARIES_NEW; i++)
        send_text(peer, "{\"command\":\"status\",\"id\":7}\n");
    send_text(peer, PING);
    int same = 0;
    while (vsa_counter_get(&counters.requests) < 2 * VSA_SUMMARIES_NEW + 1)
        iterate();
    for (const char *line = receive_lines(peer, 2 * VSA_SUMMARIES_NEW + 1);
         (line = strstr(line, "\"requests\":9,")); line++)
        same++;
    /* The tenth one is the last that is new: it says nine, and so do those after it. */
    assert_true(same >= VSA_SUMMARIES_NEW || loop.now_ms - requests.summaries[1].begun_ms > 0);
}

static void test_stop(void **state)
{
    (void)state;
    int one = connect_stream();
    int other = connect_stream();
    begin(one, NONCE);
    vsa_requests_refuse(&requests);
    send_text(other, PING);
    assert_says(other, "\"error_code\":\"shutting_down\"");
    vsa_requests_give_up(&requests);
    assert_says(one, "\"error_code\":\"shutting_down\"");
    assert_in_flight(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_here),
        TEST(test_mistakes),
        TEST(test_attest),
        TEST(test_order),
        TEST(test_queue_full),
        TEST(test_in_flight_limit),
        TEST(test_timeout),
        TEST(test_shared_call),
        TEST(test_peers_that_go),
        TEST(test_kept_replies),
        TEST(test_reader_that_goes),
        TEST(test_probe),
        TEST(test_summaries),
        TEST(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
