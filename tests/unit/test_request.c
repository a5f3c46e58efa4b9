/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "protocol/request.h"

static json_t *load(const char *text)
{
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert_non_null(object);
    return object;
}

static void assert_command(const char *text, enum vsa_status status)
{
    VSA_AUTO_JSON json_t *request = load(text);
    const char *command = NULL;
    assert_int_equal(vsa_request_command(request, &command, NULL), status);
    if (status == VSA_OK)
        assert_string_equal(command, "ping");
    else
        assert_null(command);
}

static void test_command(void **state)
{
    (void)state;
    assert_command("{\"command\": \"ping\"}", VSA_OK);
    assert_command("{}", VSA_ERR_REQUEST);
    assert_command("{\"command\": null}", VSA_ERR_REQUEST);
    assert_command("{\"command\": 1}", VSA_ERR_FIELD);
    assert_command("{\"command\": \"ping\\u0000\"}", VSA_ERR_FIELD);
    assert_command("{\"command\": [\"ping\"]}", VSA_ERR_FIELD);
}

static void test_new(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *request = vsa_request_new(VSA_COMMAND_NAME_PING);
    VSA_AUTO_JSON json_t *expected = load("{\"command\": \"ping\"}");
    assert_true(json_equal(request, expected));
}

static void assert_id(const char *value, enum vsa_status status)
{
    char text[400];
    json_t *id = NULL;
    struct vsa_error error = {0};
    (void)snprintf(text, sizeof(text), "{\"id\": %s}", value);
    VSA_AUTO_JSON json_t *request = load(text);
    enum vsa_status got = vsa_request_id(request, &id, &error);
    if (got != status)
        fail_msg("%s: %s instead of %s", value, vsa_status_code(got), vsa_status_code(status));
    assert_ptr_equal(id, status == VSA_OK ? vsa_json_get(request, "id") : NULL);
}

static void test_id(void **state)
{
    (void)state;
    char longest[VSA_MAX_REQUEST_ID + 4] = "\"";
    assert_id("\"\"", VSA_OK);
    assert_id("\"x\"", VSA_OK);
    assert_id("0", VSA_OK);
    assert_id("-9223372036854775808", VSA_OK);
    assert_id("null", VSA_OK);
    assert_id("1.5", VSA_ERR_FIELD);
    assert_id("true", VSA_ERR_FIELD);
    assert_id("{}", VSA_ERR_FIELD);
    assert_id("[1]", VSA_ERR_FIELD);
    memset(longest + 1, 'i', VSA_MAX_REQUEST_ID);
    longest[VSA_MAX_REQUEST_ID + 1] = '"';
    assert_id(longest, VSA_OK);
    memcpy(longest + VSA_MAX_REQUEST_ID + 1, "i\"", 3);
    assert_id(longest, VSA_ERR_TOO_LARGE);
    VSA_AUTO_JSON json_t *without = load("{}");
    json_t *id = NULL;
    assert_int_equal(vsa_request_id(without, &id, NULL), VSA_OK);
    assert_null(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
