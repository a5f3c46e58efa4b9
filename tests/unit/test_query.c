/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of an enclave, and what is made of the answer; the enclave is a thread here. */
#include "unit_test.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/monotonic.h"
#include "base/slice.h"
#include "query/outcome_json.h"
#include "query/run.h"
#include "query/several.h"
#include "query/watch.h"
#include <vsattest/transport.h>

#define PATIENCE_MS 20000
#define MOST_PEERS  2
#define PONG        "{\"success\":true,\"message\":\"pong\",\"id\":$}"

/* Takes one connection and one line, and answers `reply`; "$" stands for the request's id. */
struct peer {
    struct vsa_listener listener;
    pthread_t thread;
    const char *reply;
    char address[VSA_MAX_ADDRESS];
    char line[VSA_MAX_REQUEST_LINE];
};

static char directory[32];
static struct peer peers[MOST_PEERS];
static size_t peer_count;
static struct vsa_outcome outcome;
static const struct vsa_enclave_list none;

/* --- the enclave ------------------------------------------------------------------------------ */

static void answer(struct peer *peer, int fd)
{
    char text[1000];
    struct vsa_slice line;
    struct vsa_line_reader reader = {fd, peer->line, sizeof(peer->line), 0, 0};
    if (vsa_read_line(&reader, vsa_deadline(PATIENCE_MS), &line, NULL) != VSA_OK)
        return;
    peer->line[line.size] = '\0';
    const char *dollar = strchr(peer->reply, '$');
    const char *id = strstr(peer->line, "\"id\":");
    if (!dollar || !id)
        return;
    int size = snprintf(text, sizeof(text), "%.*s%d%s\n", (int)(dollar - peer->reply), peer->reply,
                        atoi(id + strlen("\"id\":")), dollar + 1);
    enum vsa_status ignored =
        vsa_send_all(fd, vsa_slice_of(text, (size_t)size), vsa_deadline(PATIENCE_MS), NULL);
    (void)ignored; /* a client that is gone is the client's affair */
}

static void *serve(void *context)
{
    struct peer *peer = context;
    struct pollfd waiting = {peer->listener.fd, POLLIN, 0};
    if (poll(&waiting, 1, PATIENCE_MS) != 1)
        return NULL;
    int fd = accept4(peer->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return NULL;
    answer(peer, fd);
    (void)close(fd);
    return NULL;
}

static struct peer *start_peer(const char *reply)
{
    struct vsa_address address;
    struct peer *peer = &peers[peer_count];
    (void)snprintf(peer->address, sizeof(peer->address), "unix:%s/%zu", directory, peer_count);
    assert_int_equal(vsa_address_parse(peer->address, &address, NULL), VSA_OK);
    assert_int_equal(vsa_listen(&address, &peer->listener, NULL), VSA_OK);
    peer->reply = reply;
    assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
    peer_count++;
    return peer;
}

static void join_peers(void)
{
    for (size_t i = 0; i < peer_count; i++) {
        assert_int_equal(pthread_join(peers[i].thread, NULL), 0);
        vsa_listener_close(&peers[i].listener);
    }
    peer_count = 0;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/vsa-query-XXXXXX");
    memset(&outcome, 0, sizeof(outcome));
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    join_peers();
    vsa_outcome_free(&outcome);
    return rmdir(directory);
}

/* --- one query -------------------------------------------------------------------------------- */

static void run(const struct vsa_query *query, const char *reply)
{
    const struct peer *peer = start_peer(reply);
    vsa_query_run(query, peer->address, vsa_deadline(PATIENCE_MS), &outcome);
    join_peers();
}

/* Compares JSON, whatever the order of the members; takes the reference. */
static void assert_json(json_t *got, const char *expected)
{
    json_t *wanted = json_loads(expected, 0, NULL);
    assert_non_null(wanted);
    if (!json_equal(got, wanted))
        fail_msg("%s", json_dumps(got, 0));
    json_decref(wanted);
    json_decref(got);
}

static void test_ping(void **state)
{
    struct vsa_query query = {.kind = VSA_QUERY_PING};
    (void)state;
    run(&query, PONG);
    assert_int_equal(outcome.status, VSA_OK);
    assert_true(outcome.microseconds > 0);
    assert_non_null(strstr(peers[0].line, "\"ping\""));
    assert_json(vsa_outcome_json(query.kind, &outcome, &none, NULL),
                "{\"success\":true,\"message\":\"pong\"}");
}

static void test_request(void **state)
{
    json_t *request = json_pack("{s:s, s:i}", "command", "count", "to", 3);
    struct vsa_query query = {.kind = VSA_QUERY_REQUEST, .request = request};
    (void)state;
    run(&query, "{\"success\":true,\"sum\":6,\"id\":$}");
    json_decref(request);
    assert_int_equal(outcome.status, VSA_OK);
    assert_non_null(strstr(peers[0].line, "\"to\":3"));
    assert_json(vsa_outcome_json(query.kind, &outcome, &none, NULL),
                "{\"success\":true,\"sum\":6}");
}

static void test_metrics_are_metrics(void **state)
{
    struct vsa_query query = {.kind = VSA_QUERY_METRICS};
    (void)state;
    run(&query, "{\"success\":true,\"metrics\":\"node_load1 7\\n\",\"id\":$}");
    assert_int_equal(outcome.status, VSA_ERR_REPLY);
    assert_null(outcome.reply);
    run(&query, "{\"success\":true,\"metrics\":\"vsattest_up 1\\n\",\"id\":$}");
    assert_int_equal(outcome.status, VSA_OK);
    assert_string_equal(json_string_value(json_object_get(outcome.reply, "metrics")),
                        "vsattest_up 1\n");
}

/* Whatever is asked for, it needs time, and a failure before there is a document looks the same. */
static void test_no_time_is_left(void **state)
{
    (void)state;
    for (enum vsa_query_kind kind = VSA_QUERY_PING; kind <= VSA_QUERY_SEALED; kind++) {
        struct vsa_query query = {.kind = kind};
        bool verifying = vsa_query_is_verifying(kind);
        vsa_query_run(&query, "unix:nowhere", vsa_monotonic_ms() - 1, &outcome);
        assert_int_equal(outcome.status, VSA_ERR_TIMEOUT);
        json_t *json = vsa_outcome_json(kind, &outcome, &none, NULL);
        assert_true(json_is_false(json_object_get(json, "success")));
        assert_string_equal(json_string_value(json_object_get(json, "error_code")), "timeout");
        assert_int_equal(json_is_false(json_object_get(json, "verified")), verifying);
        assert_int_equal(json_object_size(json), verifying ? 5 : 3);
        json_decref(json);
    }
}

static void test_kinds(void **state)
{
    struct vsa_query nothing = {0};
    (void)state;
    for (enum vsa_query_kind kind = VSA_QUERY_NONE; kind <= VSA_QUERY_SEALED; kind++) {
        bool verifying = kind == VSA_QUERY_VERIFY || kind == VSA_QUERY_SERVICE;
        assert_int_equal(vsa_query_is_verifying(kind), verifying);
        assert_int_equal(vsa_query_has_document(kind), verifying || kind == VSA_QUERY_ATTEST);
    }
    vsa_query_run(&nothing, "unix:nowhere", vsa_deadline(PATIENCE_MS), &outcome);
    assert_int_equal(outcome.status, VSA_ERR_INTERNAL);
}

/* --- a service -------------------------------------------------------------------------------- */

static enum vsa_status no_helper(struct vsa_http_helper *helper, struct vsa_error *error)
{
    (void)helper;
    return vsa_fail(error, VSA_ERR_ARGUMENT, "no helper");
}

static void test_service_without_helper(void **state)
{
    struct vsa_query query = {.kind = VSA_QUERY_SERVICE, .start_http = no_helper};
    (void)state;
    vsa_query_run(&query, "unix:nowhere", vsa_deadline(PATIENCE_MS), &outcome);
    assert_int_equal(outcome.status, VSA_ERR_ARGUMENT);
    assert_true(outcome.appraised.at_service);
}

static void test_service_refuses(void **state)
{
    (void)state;
    outcome.status = vsa_fail(&outcome.error, VSA_ERR_PCR_MISMATCH, "why");
    outcome.attestation.document_size = 3;
    memcpy(outcome.attestation.document, "abc", 3);
    outcome.appraised.token = json_string("a.b.c");
    outcome.appraised.claims = json_pack("{s:s}", "ear_status", "contraindicated");
    json_t *json = vsa_outcome_json(VSA_QUERY_SERVICE, &outcome, &none, NULL);
    json_t *sentence = json_object_get(json, "verification_error");
    assert_true(json_is_string(sentence));
    assert_int_equal(json_object_del(json, "verification_error"), 0);
    assert_json(json, "{\"success\":true,\"attestation_document\":\"YWJj\",\"document_size\":3,"
                      "\"timestamp\":null,\"verified\":false,\"token\":\"a.b.c\","
                      "\"result\":{\"ear_status\":\"contraindicated\"},"
                      "\"error_code\":\"pcr_mismatch\"}");
}

/* --- documents as JSON ------------------------------------------------------------------------ */

static void receive(void)
{
    outcome.attestation.document_size = 3;
    memcpy(outcome.attestation.document, "abc", 3);
    outcome.attestation.has_user_data = true;
    outcome.attestation.user_data_size = 2;
    memcpy(outcome.attestation.user_data, "hi", 2);
    outcome.attestation.timestamp_ms = 1768478399000;
}

static void test_document_received(void **state)
{
    (void)state;
    receive();
    assert_json(vsa_outcome_json(VSA_QUERY_ATTEST, &outcome, &none, NULL),
                "{\"success\":true,\"attestation_document\":\"YWJj\",\"user_data\":\"hi\","
                "\"user_data_base64\":\"aGk=\",\"nonce\":null,\"nonce_base64\":null,"
                "\"has_public_key\":false,\"document_size\":3,\"timestamp\":1768478399000,"
                "\"verified\":false}");
}

/* Of a verified document, its own user data counts, not what stands beside it in the reply. */
static void test_document_verified(void **state)
{
    (void)state;
    receive();
    outcome.claims.user_data = vsa_slice_of_text("mine");
    json_t *json = vsa_outcome_json(VSA_QUERY_VERIFY, &outcome, &none, NULL);
    assert_true(json_is_true(json_object_get(json, "verified")));
    assert_string_equal(json_string_value(json_object_get(json, "user_data")), "mine");
    assert_true(json_is_object(json_object_get(json, "verification")));
    json_decref(json);
}

static void test_document_refused(void **state)
{
    (void)state;
    receive();
    outcome.status = vsa_fail(&outcome.error, VSA_ERR_EXPIRED, "why");
    json_t *json = vsa_outcome_json(VSA_QUERY_VERIFY, &outcome, &none, NULL);
    assert_true(json_is_true(json_object_get(json, "success")));
    assert_true(json_is_false(json_object_get(json, "verified")));
    assert_string_equal(json_string_value(json_object_get(json, "error_code")),
                        vsa_status_code(VSA_ERR_EXPIRED));
    assert_null(json_object_get(json, "verification"));
    json_decref(json);
}

static void test_file(void **state)
{
    struct vsa_error error = {0};
    const struct vsa_outcome_file saved = {"to", NULL};
    const struct vsa_outcome_file failed = {"to", &error};
    (void)state;
    (void)!vsa_fail(&error, VSA_ERR_IO, "disk full");
    /* Nothing came, so nothing is said of a file. */
    json_t *json = vsa_outcome_json(VSA_QUERY_ATTEST, &outcome, &none, &saved);
    assert_non_null(json);
    assert_null(json_object_get(json, "saved_to"));
    json_decref(json);
    receive();
    json = vsa_outcome_json(VSA_QUERY_ATTEST, &outcome, &none, &saved);
    assert_string_equal(json_string_value(json_object_get(json, "saved_to")), "to");
    assert_null(json_object_get(json, "save_error"));
    json_decref(json);
    json = vsa_outcome_json(VSA_QUERY_VERIFY, &outcome, &none, &failed);
    assert_true(json_is_null(json_object_get(json, "saved_to")));
    assert_non_null(strstr(json_string_value(json_object_get(json, "save_error")), "disk full"));
    json_decref(json);
}

static void test_choice_of_enclaves(void **state)
{
    struct vsa_enclave_list running = {
        .count = 2, .enclaves = {{"one", "i-1-enc1", 4, false}, {"", "i-1-enc2", 5, true}}};
    (void)state;
    outcome.status = vsa_fail(&outcome.error, VSA_ERR_AMBIGUOUS_ENCLAVE, "two");
    json_t *json = vsa_outcome_json(VSA_QUERY_PING, &outcome, &running, NULL);
    assert_json(json_incref(json_object_get(json, "enclaves")),
                "[{\"name\":\"one\",\"id\":\"i-1-enc1\",\"cid\":4,\"debug_mode\":false},"
                "{\"name\":null,\"id\":\"i-1-enc2\",\"cid\":5,\"debug_mode\":true}]");
    json_decref(json);
}

/* --- which enclave ---------------------------------------------------------------------------- */

static void test_target(void **state)
{
    struct vsa_target target;
    struct vsa_enclave_list running = {0};
    struct vsa_place place = {.address = "unix:here", .cid = 7, .port = 9000};
    (void)state;
    assert_int_equal(vsa_target_find(&place, 0, &target, &running, NULL), VSA_OK);
    assert_string_equal(target.address, "unix:here");
    assert_int_equal(target.enclave.cid, 0);
    place.address = NULL;
    assert_int_equal(vsa_target_find(&place, 0, &target, &running, NULL), VSA_OK);
    assert_string_equal(target.address, "vsock:7:9000");
    assert_string_equal(target.enclave.id, ""); /* nitro-cli was not run */
}

/* --- several ---------------------------------------------------------------------------------- */

static void test_several(void **state)
{
    static struct vsa_several several;
    static const struct vsa_enclave_list running = {
        .count = 2, .enclaves = {{"one", "i-1-enc1", 4, false}, {"", "i-1-enc2", 5, true}}};
    struct vsa_query query = {.kind = VSA_QUERY_PING};
    (void)state;
    vsa_several_set(&several, &running, 9000);
    assert_int_equal(several.count, 2);
    assert_string_equal(several.entries[1].target.address, "vsock:5:9000");
    /* No vsock here: one that answers, and one that is not there. */
    strcpy(several.entries[0].target.address, start_peer(PONG)->address);
    (void)snprintf(several.entries[1].target.address, VSA_MAX_ADDRESS, "unix:%s/away", directory);
    vsa_several_ask(&several, &query, vsa_deadline(PATIENCE_MS));
    join_peers();
    assert_int_equal(several.entries[0].outcome.status, VSA_OK);
    assert_int_equal(several.entries[1].outcome.status, VSA_ERR_REFUSED);
    json_t *json = vsa_several_json(&several, query.kind);
    assert_true(json_is_false(json_object_get(json, "success")));
    json_t *first = json_array_get(json_object_get(json, "enclaves"), 0);
    json_t *second = json_array_get(json_object_get(json, "enclaves"), 1);
    assert_true(json_is_true(json_object_get(first, "ok")));
    assert_true(json_is_real(json_object_get(first, "latency_ms")));
    assert_true(json_is_true(json_object_get(json_object_get(first, "result"), "success")));
    assert_true(json_is_false(json_object_get(second, "ok")));
    assert_int_equal(json_integer_value(json_object_get(second, "cid")), 5);
    json_decref(json);
    vsa_several_free(&several);
}

/* --- again and again -------------------------------------------------------------------------- */

static void test_watch_failure(void **state)
{
    static struct vsa_watch watch;
    char address[64];
    const struct vsa_place place = {.address = address};
    struct vsa_policy policy;
    struct vsa_query query = {.kind = VSA_QUERY_VERIFY, .policy = &policy};
    (void)state;
    vsa_policy_init(&policy);
    vsa_attestation_request_init(&query.document);
    (void)snprintf(address, sizeof(address), "unix:%s/away", directory);
    watch = (struct vsa_watch){.query = &query, .place = &place, .timeout_ms = PATIENCE_MS};
    vsa_watch_next(&watch, 0);
    vsa_watch_next(&watch, 1767225600123);
    assert_int_equal(watch.round, 2);
    assert_false(watch.has_document);
    assert_false(watch.is_first);
    json_t *json = vsa_watch_json(&watch);
    assert_true(json_is_real(json_object_get(json, "duration_ms")));
    assert_true(json_is_string(json_object_get(json, "error")));
    assert_int_equal(json_object_del(json, "duration_ms"), 0);
    assert_int_equal(json_object_del(json, "error"), 0);
    assert_string_equal(json_string_value(json_object_get(json, "address")), address);
    assert_int_equal(json_object_del(json, "address"), 0);
    assert_json(json, "{\"round\":2,\"time\":\"2026-01-01T00:00:00.123Z\","
                      "\"state\":\"failed\","
                      "\"error_code\":\"connection_refused\",\"verified\":false,"
                      "\"document_age_ms\":null,\"module_id\":null,\"changes\":[]}");
    vsa_watch_free(&watch);
}

static void test_watch_changes(void **state)
{
    static struct vsa_watch watch;
    (void)state;
    watch = (struct vsa_watch){.round = 7, .has_document = true};
    watch.changes = (struct vsa_claims_difference){.module_id = true, .pcrs = 0x80000001};
    watch.outcome.microseconds = 1500;
    watch.outcome.claims.module_id = vsa_slice_of_text("i-1-enc1");
    watch.outcome.claims.verified_at_ms = 5000;
    watch.outcome.claims.timestamp_ms = 4800;
    assert_json(vsa_watch_json(&watch),
                "{\"round\":7,\"time\":\"1970-01-01T00:00:00Z\",\"address\":null,"
                "\"state\":\"ok\",\"error\":null,\"error_code\":null,\"duration_ms\":1.5,"
                "\"verified\":true,\"document_age_ms\":200,\"module_id\":\"i-1-enc1\","
                "\"changes\":[\"module_id\",\"PCR0\",\"PCR31\"]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ping, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_metrics_are_metrics, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_time_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_service_without_helper, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_service_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_document_received, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_document_verified, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_document_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_choice_of_enclaves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_target, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_several, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_watch_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_watch_changes, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
