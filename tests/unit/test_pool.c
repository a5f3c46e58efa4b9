/* SPDX-License-Identifier: Apache-2.0 */
/* The client and its pool of connections against a peer
 * that does what the test wants (many_peer.h). */
#include "unit_test.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/channel.h"
#include "client/lease.h"
#include "many_peer.h"

#define LONG_MS PEER_PATIENCE_MS

#define NO(code) "{\"success\":false,\"error\":\"no\",\"error_code\":\"" code "\",\"id\":$}"
#define LIMITED(ms)                                                                                \
    "{\"success\":false,\"error\":\"no\",\"error_code\":\"rate_limited\",\"retry_after_ms\":" ms   \
    ",\"id\":$}"
#define PONG "{\"success\":true,\"message\":\"pong\",\"id\":$}"

static struct many_peer peer;

static int set_up(void **state)
{
    (void)state;
    return many_peer_start(&peer);
}

static int tear_down(void **state)
{
    (void)state;
    many_peer_stop(&peer);
    return 0;
}

static struct vsa_client *client_with(unsigned connections, int64_t timeout_ms,
                                      int64_t idle_timeout_ms, unsigned retries)
{
    struct vsa_client_options options;
    vsa_client_options_init(&options);
    options.max_connections = connections;
    options.timeout_ms = timeout_ms;
    options.idle_timeout_ms = idle_timeout_ms;
    options.retries = retries;
    struct vsa_client *client = NULL;
    assert_int_equal(vsa_client_new(peer.address, &options, &client, NULL), VSA_OK);
    return client;
}

static struct vsa_client *client_of(unsigned connections)
{
    return client_with(connections, LONG_MS, LONG_MS, 0);
}

static struct vsa_client *client_that_retries(unsigned retries)
{
    return client_with(1, LONG_MS, LONG_MS, retries);
}

#define SCRIPT(...)                                                                                \
    many_peer_script(&peer, (const char *const[]){__VA_ARGS__},                                    \
                     sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static struct vsa_client_statistics statistics_of(struct vsa_client *client)
{
    struct vsa_client_statistics statistics;
    vsa_client_get_statistics(client, &statistics);
    return statistics;
}

static void expect_now(struct vsa_client *client, size_t open, size_t idle, size_t waiting)
{
    struct vsa_client_statistics statistics = statistics_of(client);
    assert_int_equal(statistics.open, open);
    assert_int_equal(statistics.idle, idle);
    assert_int_equal(statistics.waiting, waiting);
}

static void expect_so_far(struct vsa_client *client, uint64_t made, uint64_t broken,
                          uint64_t expired, uint64_t retried)
{
    struct vsa_client_statistics statistics = statistics_of(client);
    assert_int_equal(statistics.made, made);
    assert_int_equal(statistics.broken, broken);
    assert_int_equal(statistics.expired, expired);
    assert_int_equal(statistics.retried, retried);
}

static void await_waiting(struct vsa_client *client, size_t waiting)
{
    int64_t deadline_ms = vsa_deadline(PEER_PATIENCE_MS);
    while (statistics_of(client).waiting != waiting) {
        assert_true(vsa_monotonic_ms() < deadline_ms);
        (void)usleep(500);
    }
}

/* {"command": command, "say": number}: what is said comes back. */
static enum vsa_status say_command(struct vsa_client *client, const char *command, int number,
                                   struct vsa_error *error)
{
    json_t *request = json_pack("{s:s, s:i}", "command", command, "say", number);
    json_t *reply = NULL;
    enum vsa_status status = vsa_client_request(client, request, &reply, error);
    if (status == VSA_OK && json_integer_value(json_object_get(reply, "said")) != number)
        status = VSA_ERR_INTERNAL;
    if (status != VSA_OK)
        assert_null(reply);
    json_decref(reply);
    json_decref(request);
    return status;
}

/* --- one caller ------------------------------------------------------------------------------- */

static void options_have_ranges(void **state)
{
    (void)state;
    struct vsa_client_options good;
    struct vsa_client *client = NULL;
    vsa_client_options_init(&good);
    assert_int_equal(good.max_connections, 8);
    assert_int_equal(good.timeout_ms, 30000);
    assert_int_equal(good.idle_timeout_ms, 30000);
    assert_int_equal(good.retries, 0);
    struct vsa_client_options bad[6] = {good, good, good, good, good, good};
    bad[0].max_connections = 0;
    bad[1].max_connections = VSA_MAX_CLIENT_CONNECTIONS + 1;
    bad[2].timeout_ms = 0;
    bad[3].timeout_ms = -1;
    bad[4].idle_timeout_ms = -1;
    bad[5].retries = VSA_MAX_RETRIES + 1;
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(vsa_client_new(peer.address, &bad[i], &client, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_client_new("nowhere", NULL, &client, NULL), VSA_ERR_ARGUMENT);
    assert_null(client);
    client = client_with(VSA_MAX_CLIENT_CONNECTIONS, INT64_MAX, 0, VSA_MAX_RETRIES);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    vsa_client_free(client);
    vsa_client_free(NULL);
}

static void one_connection_serves_call_after_call(void **state)
{
    (void)state;
    struct vsa_client *client = NULL;
    assert_int_equal(vsa_client_new(peer.address, NULL, &client, NULL), VSA_OK);
    expect_now(client, 0, 0, 0);
    assert_int_equal(many_peer_accepted(&peer), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(say_command(client, "echo", i, NULL), VSA_OK);
        expect_now(client, 1, 1, 0);
    }
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    assert_int_equal(many_peer_accepted(&peer), 1);
    expect_so_far(client, 1, 0, 0, 0);
    vsa_client_free(client);
}

static void status_is_checked(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    json_t *status = NULL;
    SCRIPT("{\"success\":true,\"status\":\"running\",\"uptime\":5,\"id\":$}",
           "{\"success\":true,\"status\":\"running\",\"id\":$}");
    assert_int_equal(vsa_client_status(client, &status, NULL), VSA_OK);
    assert_string_equal(json_string_value(json_object_get(status, "status")), "running");
    json_decref(status);
    status = NULL;
    assert_int_equal(vsa_client_status(client, &status, NULL), VSA_ERR_REPLY);
    assert_null(status);
    vsa_client_free(client);
}

static void refusals_keep_the_connection(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    struct vsa_error error = {VSA_OK, 0, NULL, ""};
    SCRIPT(NO("unknown_command"), NO("busy"), NO("nsm_error"));
    assert_int_equal(say_command(client, "nonsense", 1, &error), VSA_ERR_REFUSED_BY_PEER);
    assert_int_equal(error.status, VSA_ERR_REFUSED_BY_PEER);
    assert_int_equal(vsa_client_ping(client, &error), VSA_ERR_BUSY);
    assert_int_equal(vsa_client_ping(client, &error), VSA_ERR_NSM);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    assert_int_equal(say_command(client, "", 1, NULL), VSA_OK);
    assert_int_equal(many_peer_accepted(&peer), 1);
    expect_so_far(client, 1, 0, 0, 0);
    vsa_client_free(client);
}

/* After these the enclave closes: docs/PROTOCOL.md, "Errors". */
static void some_refusals_end_the_connection(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    SCRIPT(NO("shutting_down"), NO("too_many_connections"), NO("idle_timeout"),
           NO("line_too_long"));
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_SHUTTING_DOWN);
    expect_now(client, 0, 0, 0);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_CONNECTIONS);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_IDLE_TIMEOUT);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_LINE_TOO_LONG);
    expect_so_far(client, 4, 4, 0, 0);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    vsa_client_free(client);
}

static void nobody_there_costs_no_place(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    assert_int_equal(shutdown(peer.listener.fd, SHUT_RDWR), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_REFUSED);
    expect_now(client, 0, 0, 0);
    expect_so_far(client, 0, 0, 0, 0);
    vsa_client_free(client);
}

static void silence_ends_with_the_timeout(void **state)
{
    (void)state;
    struct vsa_client *client = client_with(1, 100, LONG_MS, 0);
    many_peer_hold(&peer, true);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_TIMEOUT);
    /* The answer may still come, to no question. */
    expect_now(client, 0, 0, 0);
    expect_so_far(client, 1, 1, 0, 0);
    vsa_client_free(client);
}

/* A kept connection has the time of the call, not of the one that made it. */
static void each_call_has_its_own_time(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    struct vsa_lease held;
    json_t *request = json_pack("{s:s}", "command", "ping");
    json_t *reply = NULL;
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    int64_t before = vsa_monotonic_ms();
    assert_int_equal(vsa_lease_take(client, vsa_deadline(100), &held, NULL), VSA_OK);
    assert_true(held.is_kept);
    many_peer_hold(&peer, true);
    assert_int_equal(vsa_channel_request(held.connection->channel, request, &reply, NULL),
                     VSA_ERR_TIMEOUT);
    assert_true(vsa_monotonic_ms() - before < LONG_MS / 2);
    vsa_lease_return(client, &held, false);
    json_decref(request);
    expect_now(client, 0, 0, 0);
    vsa_client_free(client);
}

/* --- connections that break ------------------------------------------------------------------- */

static void closed_while_idle_is_replaced(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(2);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    many_peer_hang_up(&peer); /* shows at once on a Unix socket */
    /* Not even asked: so also what must not be asked twice. */
    assert_int_equal(say_command(client, "transfer", 1, NULL), VSA_OK);
    assert_int_equal(many_peer_requests(&peer), 2);
    expect_so_far(client, 2, 1, 0, 0);
    expect_now(client, 1, 1, 0);
    vsa_client_free(client);
}

static void last_words_are_no_answer(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(2);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    many_peer_say(&peer, NO("idle_timeout"));
    assert_int_equal(say_command(client, "transfer", 1, NULL), VSA_OK);
    assert_int_equal(many_peer_requests(&peer), 2);
    expect_so_far(client, 2, 1, 0, 0);
    many_peer_say(&peer, NO("idle_timeout"));
    many_peer_hang_up(&peer);
    assert_int_equal(say_command(client, "transfer", 2, NULL), VSA_OK);
    assert_int_equal(many_peer_requests(&peer), 3);
    expect_so_far(client, 3, 2, 0, 0);
    vsa_client_free(client);
}

/* The enclave closes at the very moment in which we ask. */
static void stale_connection_is_replaced(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    SCRIPT(PEER_HANG_UP);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    assert_int_equal(many_peer_requests(&peer), 3);
    expect_so_far(client, 2, 1, 0, 1);
    SCRIPT(PEER_LAST NO("idle_timeout"));
    assert_int_equal(say_command(client, "transfer", 1, NULL), VSA_OK);
    assert_int_equal(many_peer_requests(&peer), 5);
    expect_so_far(client, 3, 2, 0, 2);
    expect_now(client, 1, 1, 0);
    vsa_client_free(client);
}

static void stale_connection_is_replaced_once(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    SCRIPT(PEER_HANG_UP, PEER_HANG_UP);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_CLOSED);
    assert_int_equal(many_peer_requests(&peer), 3);
    expect_now(client, 0, 0, 0);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    vsa_client_free(client);
}

static void what_may_have_been_done_is_not_done_again(void **state)
{
    (void)state;
    struct vsa_client *client = client_that_retries(3);
    struct vsa_attestation_request with_key = {.size = sizeof(with_key), .generate_key = true};
    static struct vsa_attestation_reply reply;
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    SCRIPT(PEER_HANG_UP);
    assert_int_equal(vsa_client_attest(client, &with_key, &reply, NULL), VSA_ERR_CLOSED);
    assert_int_equal(many_peer_requests(&peer), 2);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    SCRIPT(PEER_HANG_UP);
    assert_int_equal(say_command(client, "transfer", 1, NULL), VSA_ERR_CLOSED);
    assert_int_equal(many_peer_requests(&peer), 4);
    /* A reply had begun. */
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    SCRIPT(PEER_HALF_A_REPLY);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_CLOSED);
    assert_int_equal(many_peer_requests(&peer), 6);
    expect_so_far(client, 3, 3, 0, 0);
    vsa_client_free(client);
}

static void closed_at_first_use_is_an_error(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    SCRIPT(PEER_HANG_UP);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_CLOSED);
    assert_int_equal(many_peer_requests(&peer), 1);
    vsa_client_free(client);
}

static void idle_ones_expire(void **state)
{
    (void)state;
    struct vsa_client *client = client_with(2, LONG_MS, 20, 0);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    (void)usleep(40 * 1000);
    expect_now(client, 1, 1, 0); /* not looked at yet */
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    expect_so_far(client, 2, 0, 1, 0);
    expect_now(client, 1, 1, 0);
    vsa_client_free(client);
}

static void idle_ones_are_closed_on_demand(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(2);
    assert_int_equal(vsa_client_close_idle(client, 0), 0);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    assert_int_equal(vsa_client_close_idle(client, LONG_MS), 0);
    expect_now(client, 1, 1, 0);
    assert_int_equal(vsa_client_close_idle(client, 0), 1);
    expect_now(client, 0, 0, 0);
    expect_so_far(client, 1, 0, 1, 0);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    expect_so_far(client, 2, 0, 1, 0);
    vsa_client_free(client);
}

/* --- asking again ----------------------------------------------------------------------------- */

static void asks_again_while_refused(void **state)
{
    (void)state;
    struct vsa_client *client = client_that_retries(5);
    struct vsa_error error = {VSA_OK, 0, NULL, "untouched"};
    struct vsa_attestation_request with_key = {.size = sizeof(with_key), .generate_key = true};
    static struct vsa_attestation_reply reply;
    SCRIPT(LIMITED("1"), NO("busy"), PEER_LAST NO("too_many_connections"),
           PEER_LAST NO("shutting_down"), PEER_HANG_UP);
    assert_int_equal(vsa_client_ping(client, &error), VSA_OK);
    assert_string_equal(error.detail, "untouched");
    assert_int_equal(many_peer_requests(&peer), 6);
    expect_so_far(client, 4, 3, 0, 5);
    /* Refused before anything was done: so also with a key. */
    SCRIPT(LIMITED("1"), NO("nsm_unreachable"));
    assert_int_equal(vsa_client_attest(client, &with_key, &reply, NULL), VSA_ERR_NSM_UNREACHABLE);
    assert_int_equal(many_peer_requests(&peer), 8);
    vsa_client_free(client);
}

static void asks_no_more_often_than_told(void **state)
{
    (void)state;
    struct vsa_client *client = client_that_retries(2);
    struct vsa_error error = {VSA_OK, 0, NULL, ""};
    SCRIPT(LIMITED("0"), LIMITED("0"), LIMITED("0"), PONG);
    assert_int_equal(vsa_client_ping(client, &error), VSA_ERR_RATE_LIMITED);
    assert_int_equal(error.status, VSA_ERR_RATE_LIMITED);
    assert_int_equal(many_peer_requests(&peer), 3);
    expect_so_far(client, 1, 0, 0, 2);
    vsa_client_free(client);
}

static void waits_as_long_as_the_enclave_asks(void **state)
{
    (void)state;
    struct vsa_client *client = client_that_retries(1);
    int64_t before = vsa_monotonic_ms();
    SCRIPT(LIMITED("300"));
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    assert_true(vsa_monotonic_ms() - before >= 299);
    vsa_client_free(client);
}

static void waits_never_beyond_the_timeout(void **state)
{
    (void)state;
    struct vsa_client *client = client_that_retries(9);
    int64_t before = vsa_monotonic_ms();
    SCRIPT(LIMITED("20001"), PONG);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_RATE_LIMITED);
    assert_true(vsa_monotonic_ms() - before < LONG_MS / 2);
    assert_int_equal(many_peer_requests(&peer), 1);
    vsa_client_free(client);
}

static void refused_documents_leave_nothing(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    struct vsa_attestation_request request = {.size = sizeof(request), .no_user_data = true};
    struct vsa_verifier *verifier = vsa_verifier_new();
    static struct vsa_attestation_reply reply;
    static struct vsa_claims claims;
    struct vsa_policy policy;
    vsa_policy_init(&policy);
    reply.document_size = 7;
    claims.debug_mode = true;
    SCRIPT(NO("nsm_error"));
    assert_int_equal(vsa_client_attest_and_verify(client, &request, verifier, &policy, NULL, NULL,
                                                  &reply, &claims, NULL),
                     VSA_ERR_NSM);
    assert_int_equal(reply.document_size, 0);
    assert_false(claims.debug_mode);
    policy.nonce = vsa_slice_of_text("one");
    request.nonce = vsa_slice_of_text("another");
    assert_int_equal(vsa_client_attest_and_verify(client, &request, verifier, &policy, NULL, NULL,
                                                  &reply, &claims, NULL),
                     VSA_ERR_ARGUMENT);
    vsa_verifier_free(verifier);
    vsa_client_free(client);
}

/* --- many callers ----------------------------------------------------------------------------- */

struct caller {
    pthread_t thread;
    struct vsa_client *client;
    int number;
    int requests;
    enum vsa_status status; /* the first that was not VSA_OK */
};

static void *call(void *argument)
{
    struct caller *caller = argument;
    for (int i = 0; i < caller->requests && caller->status == VSA_OK; i++)
        caller->status = say_command(caller->client, "echo", caller->number * 1000 + i, NULL);
    return NULL;
}

static void start(struct caller *caller, struct vsa_client *client, int number, int requests)
{
    *caller = (struct caller){.client = client, .number = number, .requests = requests};
    assert_int_equal(pthread_create(&caller->thread, NULL, call, caller), 0);
}

static void finish(struct caller *callers, size_t count, enum vsa_status status)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        assert_int_equal(callers[i].status, status);
    }
}

static void no_more_connections_than_allowed(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(3);
    struct caller callers[10];
    many_peer_hold(&peer, true);
    for (int i = 0; i < 10; i++)
        start(&callers[i], client, i, 1);
    many_peer_await_requests(&peer, 3);
    await_waiting(client, 7);
    expect_now(client, 3, 0, 7);
    many_peer_hold(&peer, false);
    finish(callers, 10, VSA_OK);
    assert_int_equal(many_peer_accepted(&peer), 3);
    expect_now(client, 3, 3, 0);
    /* All three are old enough by now, whichever was used last. */
    assert_int_equal(vsa_client_close_idle(client, 0), 3);
    vsa_client_free(client);
}

static void first_come_first_served(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    struct caller callers[12];
    many_peer_hold(&peer, true);
    start(&callers[0], client, 0, 1);
    many_peer_await_requests(&peer, 1);
    for (int i = 1; i < 12; i++) {
        start(&callers[i], client, i, 1);
        await_waiting(client, (size_t)i);
    }
    many_peer_hold(&peer, false);
    finish(callers, 12, VSA_OK);
    for (int i = 0; i < 12; i++)
        assert_int_equal(peer.log[i], i * 1000);
    vsa_client_free(client);
}

/* A call that comes while others wait goes to the end, again and again. */
static void nobody_overtakes(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    struct caller callers[3];
    many_peer_hold(&peer, true);
    start(&callers[0], client, 0, 3);
    many_peer_await_requests(&peer, 1);
    start(&callers[1], client, 1, 1);
    await_waiting(client, 1);
    start(&callers[2], client, 2, 1);
    await_waiting(client, 2);
    many_peer_hold(&peer, false);
    finish(callers, 3, VSA_OK);
    /* The greedy one's second request comes after 1 at the earliest. */
    assert_int_equal(peer.log[1], 1000);
    assert_int_equal(peer.log[2], 2000);
    assert_int_equal(peer.log[3], 1);
    vsa_client_free(client);
}

struct lessee {
    pthread_t thread;
    struct vsa_client *client;
    int64_t timeout_ms;
    enum vsa_status status;
    unsigned *turn; /* of all; only the holder of the one lease touches it */
    unsigned came;
};

static void *lease(void *argument)
{
    struct lessee *lessee = argument;
    struct vsa_lease held;
    lessee->status = vsa_lease_take(lessee->client, vsa_deadline(lessee->timeout_ms), &held, NULL);
    if (lessee->status != VSA_OK)
        return NULL;
    lessee->came = ++*lessee->turn;
    vsa_lease_return(lessee->client, &held, true);
    return NULL;
}

static void start_lessee(struct lessee *lessee, struct vsa_client *client, int64_t timeout_ms,
                         unsigned *turn)
{
    *lessee = (struct lessee){.client = client, .timeout_ms = timeout_ms, .turn = turn};
    assert_int_equal(pthread_create(&lessee->thread, NULL, lease, lessee), 0);
}

/* Out of the front, the middle and the end of the queue; the others keep their places. */
static void waiting_ends_with_the_deadline(void **state)
{
    (void)state;
    /* Long enough for all to be in the queue together; the middle goes first. */
    static const int64_t timeouts[] = {1540, LONG_MS, 1520, LONG_MS, 1560, LONG_MS};
    struct vsa_client *client = client_of(1);
    struct vsa_lease held;
    struct lessee lessees[6];
    unsigned turn = 0;
    assert_int_equal(vsa_lease_take(client, vsa_deadline(LONG_MS), &held, NULL), VSA_OK);
    for (size_t i = 0; i < 5; i++) {
        start_lessee(&lessees[i], client, timeouts[i], &turn);
        await_waiting(client, i + 1);
    }
    await_waiting(client, 2);
    start_lessee(&lessees[5], client, timeouts[5], &turn);
    await_waiting(client, 3);
    vsa_lease_return(client, &held, true);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(lessees[i].thread, NULL), 0);
        assert_int_equal(lessees[i].status, timeouts[i] == LONG_MS ? VSA_OK : VSA_ERR_TIMEOUT);
    }
    assert_int_equal(lessees[1].came, 1);
    assert_int_equal(lessees[3].came, 2);
    assert_int_equal(lessees[5].came, 3);
    expect_now(client, 1, 1, 0);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    vsa_client_free(client);
}

/* A turn that comes too late is passed on, and the connection with it. */
static void too_late_for_its_turn(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    struct vsa_lease held;
    assert_int_equal(vsa_lease_take(client, vsa_deadline(-1), &held, NULL), VSA_ERR_TIMEOUT);
    expect_now(client, 0, 0, 0);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    assert_int_equal(vsa_lease_take(client, vsa_deadline(-1), &held, NULL), VSA_ERR_TIMEOUT);
    expect_now(client, 1, 1, 0);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    expect_so_far(client, 1, 0, 0, 0);
    vsa_client_free(client);
}

/* A connection that breaks in the hands of one is another's right to make a new one. */
static void a_failure_stays_with_its_call(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(1);
    struct caller broken;
    struct caller callers[4];
    SCRIPT("not json");
    many_peer_hold(&peer, true);
    start(&broken, client, 9, 1);
    many_peer_await_requests(&peer, 1);
    for (int i = 0; i < 4; i++)
        start(&callers[i], client, i, 3);
    await_waiting(client, 4);
    many_peer_hold(&peer, false);
    finish(&broken, 1, VSA_ERR_JSON);
    finish(callers, 4, VSA_OK);
    expect_so_far(client, 2, 1, 0, 0);
    expect_now(client, 1, 1, 0);
    vsa_client_free(client);
}

static void many_threads_share_few_connections(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(8);
    static struct caller callers[64];
    for (int i = 0; i < 64; i++)
        start(&callers[i], client, i, 50);
    finish(callers, 64, VSA_OK);
    assert_int_equal(many_peer_requests(&peer), 64 * 50);
    assert_true(many_peer_accepted(&peer) <= 8);
    struct vsa_client_statistics statistics = statistics_of(client);
    assert_int_equal(statistics.open, many_peer_accepted(&peer));
    assert_int_equal(statistics.idle, statistics.open);
    assert_int_equal(statistics.waiting, 0);
    assert_int_equal(statistics.broken, 0);
    vsa_client_free(client);
}

/* While the peer hangs up on everybody now and then: only what is safe is asked again. */
static void *interrupt(void *argument)
{
    (void)argument;
    for (int i = 0; i < 10; i++) {
        (void)usleep(3000);
        many_peer_hang_up(&peer);
    }
    return NULL;
}

static void many_threads_survive_interruptions(void **state)
{
    (void)state;
    struct vsa_client *client = client_with(4, LONG_MS, 1, 0);
    static struct caller callers[16];
    pthread_t interrupter;
    uint64_t failed = 0;
    for (int i = 0; i < 16; i++)
        start(&callers[i], client, i, 100);
    assert_int_equal(pthread_create(&interrupter, NULL, interrupt, NULL), 0);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        assert_true(callers[i].status == VSA_OK || callers[i].status == VSA_ERR_CLOSED);
        failed += callers[i].status != VSA_OK;
    }
    assert_int_equal(pthread_join(interrupter, NULL), 0);
    struct vsa_client_statistics statistics = statistics_of(client);
    assert_int_equal(statistics.waiting, 0);
    assert_int_equal(statistics.open, statistics.idle);
    assert_int_equal(statistics.made, statistics.broken + statistics.expired + statistics.open);
    assert_true(statistics.broken >= failed);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    vsa_client_free(client);
}

/* --- fork ------------------------------------------------------------------------------------- */

static int in_child(struct vsa_client *client)
{
    struct vsa_error error = {VSA_OK, 0, NULL, ""};
    struct vsa_client_statistics statistics = {.open = 5};
    struct vsa_client *own = NULL;
    if (vsa_client_ping(client, &error) != VSA_ERR_ARGUMENT || !strstr(error.detail, "fork"))
        return 1;
    vsa_client_get_statistics(client, &statistics);
    if (statistics.open != 0 || vsa_client_close_idle(client, 0) != 0)
        return 2;
    vsa_client_free(client);
    if (vsa_client_new(peer.address, NULL, &own, NULL) != VSA_OK ||
        vsa_client_ping(own, NULL) != VSA_OK)
        return 3;
    vsa_client_free(own);
    return 0;
}

static void a_child_makes_its_own(void **state)
{
    (void)state;
    struct vsa_client *client = client_of(2);
    int status = -1;
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(PEER_PATIENCE_MS / 1000);
        _exit(in_child(client));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    /* The child closed its copies only. */
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    assert_int_equal(many_peer_accepted(&peer), 2);
    expect_so_far(client, 1, 0, 0, 0);
    vsa_client_free(client);
}

#define POOL_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(options_have_ranges),
        POOL_TEST(one_connection_serves_call_after_call),
        POOL_TEST(status_is_checked),
        POOL_TEST(refusals_keep_the_connection),
        POOL_TEST(some_refusals_end_the_connection),
        POOL_TEST(nobody_there_costs_no_place),
        POOL_TEST(silence_ends_with_the_timeout),
        POOL_TEST(each_call_has_its_own_time),
        POOL_TEST(closed_while_idle_is_replaced),
        POOL_TEST(last_words_are_no_answer),
        POOL_TEST(stale_connection_is_replaced),
        POOL_TEST(stale_connection_is_replaced_once),
        POOL_TEST(what_may_have_been_done_is_not_done_again),
        POOL_TEST(closed_at_first_use_is_an_error),
        POOL_TEST(idle_ones_expire),
        POOL_TEST(idle_ones_are_closed_on_demand),
        POOL_TEST(asks_again_while_refused),
        POOL_TEST(asks_no_more_often_than_told),
        POOL_TEST(waits_as_long_as_the_enclave_asks),
        POOL_TEST(waits_never_beyond_the_timeout),
        POOL_TEST(refused_documents_leave_nothing),
        POOL_TEST(no_more_connections_than_allowed),
        POOL_TEST(first_come_first_served),
        POOL_TEST(nobody_overtakes),
        POOL_TEST(waiting_ends_with_the_deadline),
        POOL_TEST(too_late_for_its_turn),
        POOL_TEST(a_failure_stays_with_its_call),
        POOL_TEST(many_threads_share_few_connections),
        POOL_TEST(many_threads_survive_interruptions),
        POOL_TEST(a_child_makes_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
