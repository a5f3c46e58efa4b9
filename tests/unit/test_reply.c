/* SPDX-License-Identifier: Apache-2.0 */
/* What all replies share, and those of ping and status. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "protocol/reply.h"
#include "protocol/service.h"

static json_t *load(const char *text)
{
    json_error_t cause;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &cause);
    if (!object)
        fail_msg("%s: %s", text, cause.text);
    return object;
}

static void test_set_error(void **state)
{
    (void)state;
    struct vsa_error cause;
    vsa_error_set(&cause, VSA_ERR_BUSY, VSA_NO_OFFSET, NULL, "so busy");
    VSA_AUTO_JSON json_t *reply = load("{\"success\": true, \"half\": \"done\"}");
    VSA_AUTO_JSON json_t *expected =
        load("{\"success\": false, \"error\": \"so busy\", \"error_code\": \"busy\"}");
    assert_int_equal(vsa_reply_set_error(reply, &cause, NULL), VSA_OK);
    assert_true(json_equal(reply, expected));
}

/* Half a character is no reason to lose what stands behind it. */
static void test_set_error_cut(void **state)
{
    (void)state;
    struct vsa_error cause;
    VSA_AUTO_JSON json_t *reply = json_object();
    vsa_error_set(&cause, VSA_ERR_FIELD, VSA_NO_OFFSET, NULL, "caf\xc3 b\x1b");
    assert_int_equal(vsa_reply_set_error(reply, &cause, NULL), VSA_OK);
    assert_string_equal(json_string_value(json_object_get(reply, "error")), "caf? b?");
}

static void assert_check(const char *text, enum vsa_status status, const char *detail)
{
    struct vsa_error error = {0};
    VSA_AUTO_JSON json_t *reply = load(text);
    enum vsa_status got = vsa_reply_check(reply, &error);
    if (got != status)
        fail_msg("%s: %s instead of %s", text, vsa_status_code(got), vsa_status_code(status));
    assert_string_equal(error.detail, detail);
}

static void test_check(void **state)
{
    (void)state;
    static const char no_success[] = "the reply has no \"success\": not a server of this protocol?";
    assert_check("{\"success\": true}", VSA_OK, "");
    assert_check("{}", VSA_ERR_REPLY, no_success);
    assert_check("{\"success\": null}", VSA_ERR_REPLY, no_success);
    assert_check("{\"success\": 1}", VSA_ERR_REPLY, no_success);
    assert_check("{\"success\": \"true\"}", VSA_ERR_REPLY, no_success);
    assert_check("{\"success\": false}", VSA_ERR_REFUSED_BY_PEER,
                 "the enclave refused: no reason given");
    assert_check("{\"success\": false, \"error\": \"no\"}", VSA_ERR_REFUSED_BY_PEER,
                 "the enclave refused: no");
    assert_check("{\"success\": false, \"error\": 7, \"error_code\": 8}", VSA_ERR_REFUSED_BY_PEER,
                 "the enclave refused: no reason given");
    assert_check("{\"success\": false, \"error\": \"no\", \"error_code\": \"field_invalid\"}",
                 VSA_ERR_REFUSED_BY_PEER, "the enclave refused: no [field_invalid]");
}

#define UNKNOWN                                                                                    \
    "{\"success\": false, \"error\": \"no\", \"error_code\": \"unknown_command\", "                \
    "\"available_commands\": "

/* What a client can ask instead; more than there is room for ends the list, not the sentence. */
static void test_check_lists_commands(void **state)
{
    (void)state;
    static const char plain[] = "the enclave refused: no [unknown_command]";
    assert_check(UNKNOWN "[\"ping\", 7, \"a\\u001bb\"]}", VSA_ERR_REFUSED_BY_PEER,
                 "the enclave refused: no [unknown_command]; there is ping, a?b");
    assert_check(UNKNOWN "[]}", VSA_ERR_REFUSED_BY_PEER, plain);
    assert_check(UNKNOWN "\"ping\"}", VSA_ERR_REFUSED_BY_PEER, plain);
    assert_check(UNKNOWN "{\"ping\": 1}}", VSA_ERR_REFUSED_BY_PEER, plain);
    assert_check("{\"success\": false, \"error\": \"no\", \"error_code\": \"busy\", "
                 "\"available_commands\": [\"ping\"]}",
                 VSA_ERR_BUSY, "the enclave refused: no [busy]");
    char text[8192] = UNKNOWN "[\"0\"";
    struct vsa_error error = {0};
    for (int i = 0; i < 500; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), ", \"c%d\"", i);
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "]}");
    VSA_AUTO_JSON json_t *reply = load(text);
    assert_int_equal(vsa_reply_check(reply, &error), VSA_ERR_REFUSED_BY_PEER);
    assert_non_null(strstr(error.detail, "; there is 0, c0, c1, "));
}

/* A peer can neither claim success nor a verdict of verification by its code. */
static void test_check_codes(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        enum vsa_status status;
    } rows[] = {
        {"busy", VSA_ERR_BUSY},
        {"timeout", VSA_ERR_TIMEOUT},
        {"shutting_down", VSA_ERR_SHUTTING_DOWN},
        {"too_many_connections", VSA_ERR_CONNECTIONS},
        {"idle_timeout", VSA_ERR_IDLE_TIMEOUT},
        {"line_too_long", VSA_ERR_LINE_TOO_LONG},
        {"nsm_unreachable", VSA_ERR_NSM_UNREACHABLE},
        {"nsm_error", VSA_ERR_NSM},
        {"rate_limited", VSA_ERR_RATE_LIMITED},
        {"backend_unavailable", VSA_ERR_BACKEND},
        {"ok", VSA_ERR_REFUSED_BY_PEER},
        {"signature_invalid", VSA_ERR_REFUSED_BY_PEER},
        {"internal_error", VSA_ERR_REFUSED_BY_PEER},
        {"something_new", VSA_ERR_REFUSED_BY_PEER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[160];
        char detail[80];
        (void)snprintf(text, sizeof(text),
                       "{\"success\": false, \"error\": \"e\", \"error_code\": \"%s\"}",
                       rows[i].code);
        (void)snprintf(detail, sizeof(detail), "the enclave refused: e [%s]", rows[i].code);
        assert_check(text, rows[i].status, detail);
    }
}

static int64_t retry_after_of(const char *value)
{
    char text[100];
    (void)snprintf(text, sizeof(text), "{\"success\": false, \"retry_after_ms\": %s}", value);
    VSA_AUTO_JSON json_t *reply = load(text);
    return vsa_reply_retry_after(reply);
}

static void test_retry_after(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *reply = load("{\"success\": false}");
    assert_int_equal(vsa_reply_retry_after(reply), -1);
    assert_int_equal(vsa_reply_set_retry_after(reply, 250, NULL), VSA_OK);
    assert_int_equal(vsa_reply_retry_after(reply), 250);
    assert_int_equal(retry_after_of("0"), 0);
    assert_int_equal(retry_after_of("3599999"), VSA_MAX_RETRY_AFTER_MS - 1);
    assert_int_equal(retry_after_of("3600001"), VSA_MAX_RETRY_AFTER_MS);
    assert_int_equal(retry_after_of("9223372036854775807"), VSA_MAX_RETRY_AFTER_MS);
    assert_int_equal(retry_after_of("-1"), -1);
    assert_int_equal(retry_after_of("-9223372036854775808"), -1);
    assert_int_equal(retry_after_of("1.5"), -1);
    assert_int_equal(retry_after_of("\"250\""), -1);
    assert_int_equal(retry_after_of("true"), -1);
    assert_int_equal(retry_after_of("null"), -1);
}

/* The peer's words go to terminals. */
static void test_check_printable(void **state)
{
    (void)state;
    assert_check("{\"success\": false, \"error\": \"a\\u001b[31m\\u0000\\u007f\\u009bb\xc3\xa9\"}",
                 VSA_ERR_REFUSED_BY_PEER, "the enclave refused: a?[31m????b\xc3\xa9");
    char text[700] = "{\"success\": false, \"error\": \"";
    for (int i = 0; i < 200; i++)
        strcat(text, "\xc3\xa9");
    strcat(text, "\"}");
    struct vsa_error error = {0};
    VSA_AUTO_JSON json_t *reply = load(text);
    assert_int_equal(vsa_reply_check(reply, &error), VSA_ERR_REFUSED_BY_PEER);
    assert_int_equal(strlen(error.detail), strlen("the enclave refused: ") + 158);
}

static void test_ping(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *reply = load("{\"success\": true}");
    assert_int_equal(vsa_ping_reply_decode(reply, NULL), VSA_ERR_REPLY);
    assert_int_equal(vsa_ping_reply_encode(reply, NULL), VSA_OK);
    assert_string_equal(json_string_value(json_object_get(reply, "message")), "pong");
    assert_int_equal(vsa_ping_reply_decode(reply, NULL), VSA_OK);
    VSA_AUTO_JSON json_t *other = load("{\"success\": true, \"message\": \"Pong\"}");
    assert_int_equal(vsa_ping_reply_decode(other, NULL), VSA_ERR_REPLY);
}

static void test_status(void **state)
{
    (void)state;
    const struct vsa_service_status status = {.version = "1.2.3",
                                              .module_id = "i-1-enc2",
                                              .uptime_s = 5,
                                              .requests = 6,
                                              .errors = 7,
                                              .connections = 8,
                                              .port = 9000,
                                              .nsm_reachable = true,
                                              .nsm_age_ms = 9};
    struct vsa_service_status read = {0};
    VSA_AUTO_JSON json_t *reply = json_object();
    VSA_AUTO_JSON json_t *expected =
        load("{\"status\": \"running\", \"port\": 9000, \"uptime\": 5, \"version\": \"1.2.3\","
             " \"requests\": 6, \"errors\": 7, \"connections\": 8,"
             " \"nsm\": {\"module_id\": \"i-1-enc2\", \"reachable\": true, \"age_ms\": 9}}");
    assert_int_equal(vsa_service_status_encode(&status, reply, NULL), VSA_OK);
    assert_true(json_equal(reply, expected));
    assert_int_equal(vsa_service_status_decode(reply, &read, NULL), VSA_OK);
    assert_string_equal(read.version, "1.2.3");
    assert_string_equal(read.module_id, "i-1-enc2");
    assert_int_equal(read.uptime_s, 5);
    assert_int_equal(read.requests, 6);
    assert_int_equal(read.errors, 7);
    assert_int_equal(read.connections, 8);
    assert_int_equal(read.port, 9000);
    assert_true(read.nsm_reachable);
    assert_int_equal(read.nsm_age_ms, 9);
}

static void test_status_unknown(void **state)
{
    (void)state;
    const struct vsa_service_status status = {.version = "1.2.3", .nsm_age_ms = -1};
    VSA_AUTO_JSON json_t *reply = json_object();
    assert_int_equal(vsa_service_status_encode(&status, reply, NULL), VSA_OK);
    assert_true(json_is_null(json_object_get(reply, "port")));
    const json_t *nsm = json_object_get(reply, "nsm");
    assert_true(json_is_null(json_object_get(nsm, "module_id")));
    assert_true(json_is_false(json_object_get(nsm, "reachable")));
    assert_true(json_is_null(json_object_get(nsm, "age_ms")));
}

/* The first servers of the protocol say less, and give fractions of seconds. */
static void test_status_of_old_server(void **state)
{
    (void)state;
    struct vsa_service_status read = {0};
    VSA_AUTO_JSON json_t *reply =
        load("{\"success\": true, \"status\": \"running\", \"port\": 9000, \"uptime\": 12.7}");
    assert_int_equal(vsa_service_status_decode(reply, &read, NULL), VSA_OK);
    assert_int_equal(read.uptime_s, 12);
    assert_int_equal(read.nsm_age_ms, -1);
    assert_null(read.version);
}

static void test_status_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"status\": 1}",
        "{\"status\": \"running\", \"uptime\": \"5\"}",
        "{\"status\": \"running\", \"uptime\": -1}",
        "{\"status\": \"running\", \"port\": 4294967296}",
        "{\"status\": \"running\", \"requests\": 1e300}",
        "{\"status\": \"running\", \"version\": 1}",
        "{\"status\": \"running\", \"nsm\": true}",
        "{\"status\": \"running\", \"nsm\": {}}",
        "{\"status\": \"running\", \"nsm\": {\"reachable\": 1}}",
        "{\"status\": \"running\", \"nsm\": {\"reachable\": true, \"module_id\": 1}}",
        "{\"status\": \"running\", \"nsm\": {\"reachable\": true, \"age_ms\": \"1\"}}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct vsa_service_status read = {.port = 4711};
        VSA_AUTO_JSON json_t *reply = load(texts[i]);
        if (vsa_service_status_decode(reply, &read, NULL) != VSA_ERR_REPLY)
            fail_msg("%s was not refused", texts[i]);
        assert_int_equal(read.port, 4711);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_error),
        cmocka_unit_test(test_set_error_cut),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_check_lists_commands),
        cmocka_unit_test(test_check_codes),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_check_printable),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_status_unknown),
        cmocka_unit_test(test_status_of_old_server),
        cmocka_unit_test(test_status_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
