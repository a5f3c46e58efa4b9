/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failing_memory.h"
#include "protocol/json.h"

static json_t *parse(const char *text)
{
    json_t *object = NULL;
    struct vsa_error error = {0};
    if (vsa_json_parse(vsa_slice_of_text(text), &object, &error) != VSA_OK)
        fail_msg("%s: %s", text, error.detail);
    return object;
}

static void assert_refused(const char *text, enum vsa_status status)
{
    json_t *object = NULL;
    struct vsa_error error = {0};
    enum vsa_status got = vsa_json_parse(vsa_slice_of_text(text), &object, &error);
    if (got != status)
        fail_msg("%.60s: %s instead of %s", text, vsa_status_code(got), vsa_status_code(status));
    assert_int_equal(error.status, status);
    assert_null(object);
}

static void test_parse(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *object = parse(" {\"a\": 1, \"b\": [true, null]} \r");
    assert_int_equal(json_object_size(object), 2);
    assert_int_equal(json_integer_value(json_object_get(object, "a")), 1);
}

static void test_parse_nul(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *object = parse("{\"a\": \"x\\u0000y\"}");
    struct vsa_slice text = vsa_json_string_slice(json_object_get(object, "a"));
    assert_int_equal(text.size, 3);
    assert_memory_equal(text.data, "x\0y", 3);
}

static void test_parse_refused(void **state)
{
    (void)state;
    assert_refused("", VSA_ERR_EMPTY);
    assert_refused(" \t\r", VSA_ERR_EMPTY);
    assert_refused("{", VSA_ERR_JSON);
    assert_refused("{\"a\":1,}", VSA_ERR_JSON);
    assert_refused("{'a':1}", VSA_ERR_JSON);
    assert_refused("{\"a\":1} x", VSA_ERR_JSON);
    assert_refused("{\"a\":1}{}", VSA_ERR_JSON);
    assert_refused("[]", VSA_ERR_JSON);
    assert_refused("\"a\"", VSA_ERR_JSON);
    assert_refused("7", VSA_ERR_JSON);
    assert_refused("null", VSA_ERR_JSON);
    assert_refused("{\"a\":NaN}", VSA_ERR_JSON);
    assert_refused("{\"a\":01}", VSA_ERR_JSON);
    assert_refused("{\"a\":9223372036854775808}", VSA_ERR_JSON);
    assert_refused("{\"a\":1e999}", VSA_ERR_JSON);
    assert_refused("{\"a\":\"\xff\"}", VSA_ERR_JSON);
    assert_refused("{\"a\":\"\xc0\x80\"}", VSA_ERR_JSON);
    assert_refused("{\"a\":\"\\ud800\"}", VSA_ERR_JSON);
    assert_refused("{\"a\":\"\t\"}", VSA_ERR_JSON);
    assert_refused("{\"\\u0000\":1}", VSA_ERR_JSON);
    assert_refused("{\"a\":1,\"a\":1}", VSA_ERR_DUPLICATE_KEY);
    assert_refused("{\"a\":1,\"\\u0061\":1}", VSA_ERR_DUPLICATE_KEY);
    assert_refused("{\"x\":{\"a\":1,\"a\":2}}", VSA_ERR_DUPLICATE_KEY);
}

/* The object is the first level. */
static void test_depth(void **state)
{
    (void)state;
    json_decref(parse("{\"a\":[[[[[[[1]]]]]]]}"));
    assert_refused("{\"a\":[[[[[[[[1]]]]]]]]}", VSA_ERR_NESTING);
    json_decref(parse("{\"a\":\"[[[[[[[[[[[[[[[[\\\"[[[[[\"}"));
}

static void test_size(void **state)
{
    (void)state;
    static char text[VSA_MAX_REPLY_LINE + 2];
    memset(text, ' ', sizeof(text) - 1);
    memcpy(text, "{}", 2);
    assert_refused(text, VSA_ERR_TOO_LARGE);
    text[VSA_MAX_REPLY_LINE] = '\0';
    json_decref(parse(text));
}

/* What a peer sent has no place in an error, which may end up in a log. */
static void test_error_keeps_quiet(void **state)
{
    (void)state;
    json_t *object = NULL;
    struct vsa_error error = {0};
    struct vsa_slice text = vsa_slice_of_text("{\"user_data\":\"s3cret\" oops}");
    assert_int_equal(vsa_json_parse(text, &object, &error), VSA_ERR_JSON);
    assert_null(strstr(error.detail, "s3cret"));
    assert_null(strstr(error.detail, "oops"));
    assert_string_equal(error.detail, "the line is not valid JSON: '}' expected");
    assert_true(error.offset > 20 && error.offset < text.size);
}

/* Only what is sealed may stay in the line: of any other request, each member is itself. */
static void test_parse_sealed(void **state)
{
    (void)state;
    char line[1024];
    char text[400];
    static const struct {
        const char *before; /* the long string */
        const char *behind;
        bool stays;
    } rows[] = {
        {"{\"command\":\"sealed\",\"sealed\":\"", "\",\"id\":1}", true},
        {"{\"sealed\":\"", "\",\"command\":\"sealed\"}", true},
        {"{\"command\":\"sealed\",\"id\":\"", "\",\"sealed\":\"QUJD\"}", false},
        {"{\"command\":\"sealed\",\"sealed\":{\"sealed\":\"", "\"}}", false},
        {"{\"command\":\"sealed\",\"aad\":\"", "\"}", false},
        {"{\"command\":\"other\",\"sealed\":\"", "\"}", false},
        {"{\"command\":\"", "\",\"sealed\":\"QUJD\"}", false},
        {"{\"command\":\"seal\\u0065d\",\"sealed\":\"", "\"}", false},
    };
    memset(text, 'A', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        VSA_AUTO_JSON json_t *object = NULL;
        struct vsa_slice apart;
        (void)snprintf(line, sizeof(line), "%s%s%s", rows[i].before, text, rows[i].behind);
        VSA_AUTO_JSON json_t *whole = parse(line);
        assert_int_equal(vsa_json_parse_sealed(vsa_slice_of_text(line), &object, &apart, NULL),
                         VSA_OK);
        assert_int_equal(apart.data != NULL, rows[i].stays);
        if (rows[i].stays) {
            assert_memory_equal(apart.data, text, sizeof(text) - 1);
            assert_int_equal(apart.size, sizeof(text) - 1);
        } else {
            assert_true(json_equal(object, whole));
        }
    }
}

static size_t allocations;

static void *count_allocation(size_t size)
{
    allocations++;
    return malloc(size);
}

/* A line with a long string and many short ones is read once, whatever it is; and it may fail. */
static void test_parse_once(void **state)
{
    (void)state;
    static char line[8192];
    size_t at = (size_t)snprintf(line, sizeof(line), "{\"sealed\":\"%0300d\",\"a\":[", 1);
    while (at < sizeof(line) - 16)
        at += (size_t)snprintf(line + at, sizeof(line) - at, "\"\",");
    (void)snprintf(line + at, sizeof(line) - at, "\"\"]}");
    struct vsa_slice apart;
    json_set_alloc_funcs(count_allocation, free);
    json_decref(parse(line));
    size_t once = allocations;
    allocations = 0;
    VSA_AUTO_JSON json_t *object = NULL;
    assert_int_equal(vsa_json_parse_sealed(vsa_slice_of_text(line), &object, &apart, NULL), VSA_OK);
    assert_true(allocations <= once + 1);
    for (int i = 0; i < 20; i++) {
        json_t *none = NULL;
        failing_memory_once_after((int)allocations - 1 - i);
        assert_int_equal(vsa_json_parse_sealed(vsa_slice_of_text(line), &none, &apart, NULL),
                         VSA_ERR_MEMORY);
        assert_null(none);
    }
    failing_memory_after(-1);
}

static void test_write(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *object = parse("{\"b\": 1, \"a\": \"\\u0000\xc3\xa9\"}");
    char line[64];
    size_t size = 0;
    static const char expected[] = "{\"b\":1,\"a\":\"\\u0000\xc3\xa9\"}\n";
    assert_int_equal(vsa_json_write_line(object, line, sizeof(line), &size, NULL), VSA_OK);
    assert_int_equal(size, sizeof(expected) - 1);
    assert_memory_equal(line, expected, size);
    /* To the byte. */
    assert_int_equal(vsa_json_write_line(object, line, size, &size, NULL), VSA_OK);
    assert_int_equal(vsa_json_write_line(object, line, size - 1, &size, NULL), VSA_ERR_BUFFER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),         cmocka_unit_test(test_parse_nul),
        cmocka_unit_test(test_parse_refused), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),          cmocka_unit_test(test_error_keeps_quiet),
        cmocka_unit_test(test_parse_sealed),  cmocka_unit_test(test_parse_once),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
