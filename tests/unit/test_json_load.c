/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "json/load.h"

static const struct vsa_json_limits plain = {.name = "it", .max_size = 64, .max_depth = 3};
static const struct vsa_json_limits generous = {
    .name = "the file",
    .advice = "try another",
    .max_size = 64,
    .max_depth = 3,
    .allow_nul = true,
    .skip_preamble = true,
};

struct row {
    const char *text;
    const char *detail; /* of the error; NULL: it is read */
    enum vsa_status status;
    size_t offset;
};

static void check_rows(const struct vsa_json_limits *limits, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        VSA_AUTO_JSON json_t *value = NULL;
        struct vsa_error error = {.offset = VSA_NO_OFFSET};
        enum vsa_status status =
            vsa_json_load(vsa_slice_of_text(rows[i].text), limits, &value, &error);
        if (status != rows[i].status || (status == VSA_OK) != (value != NULL))
            fail_msg("%s: %s instead of %s", rows[i].text, vsa_status_code(status),
                     vsa_status_code(rows[i].status));
        if (status == VSA_OK)
            continue;
        assert_int_equal(error.status, status);
        assert_string_equal(error.detail, rows[i].detail);
        assert_int_equal(error.offset, rows[i].offset);
    }
}

#define CHECK(limits, rows) check_rows(limits, rows, sizeof(rows) / sizeof((rows)[0]))
#define SPACES_64           "                                                                "

static void test_plain(void **state)
{
    static const struct row rows[] = {
        {"{}", NULL, VSA_OK, 0},
        {" \t\r\n[1]\n", NULL, VSA_OK, 0},
        {"7", NULL, VSA_OK, 0},
        {"[[[]]]", NULL, VSA_OK, 0},
        {"[[],[],[[\"[[[[\\\"[[\"]]]", NULL, VSA_OK, 0},
        {"", "it is empty", VSA_ERR_EMPTY, 0},
        {" \n", "it is empty", VSA_ERR_EMPTY, 0},
        {"[]" SPACES_64, "it has more than 64 bytes", VSA_ERR_TOO_LARGE, 64},
        {"[[[[]]]]", "it is nested deeper than 3 levels", VSA_ERR_NESTING, 3},
        {"[[{\"a\":{", "it is nested deeper than 3 levels", VSA_ERR_NESTING, 7},
        {"{\"a\":1,\"b\":2,\"a\":3}", "it has the same key twice", VSA_ERR_DUPLICATE_KEY, 16},
        {"{\"k\":s3cret}", "it is not valid JSON: invalid token", VSA_ERR_JSON, 6},
        {"{} {}", "it is not valid JSON: end of file expected", VSA_ERR_JSON, 4},
        {"[\"\\u0000\"]", "it is not valid JSON: \\u0000 is not allowed without JSON_ALLOW_NUL",
         VSA_ERR_JSON, 9},
        {"\xef\xbb\xbf{}", "it is not valid JSON: invalid token", VSA_ERR_JSON, 3},
        {"made:\n{}", "it is not valid JSON: invalid token", VSA_ERR_JSON, 4},
    };
    (void)state;
    CHECK(&plain, rows);
}

/* Offsets count from the beginning of the text, the preamble included. */
static void test_generous(void **state)
{
    static const struct row rows[] = {
        {"[\"\\u0000\"]", NULL, VSA_OK, 0},
        {"\xef\xbb\xbf{}", NULL, VSA_OK, 0},
        {"\xef\xbb\xbfmade:\r\n \n  [1]", NULL, VSA_OK, 0},
        {"", "the file is empty; try another", VSA_ERR_EMPTY, 0},
        {"\xef\xbb\xbf", "the file is empty; try another", VSA_ERR_EMPTY, 0},
        {"made: {}", "the file is empty; try another", VSA_ERR_EMPTY, 0},
        {"made:\n[[[[", "the file is nested deeper than 3 levels; try another", VSA_ERR_NESTING, 9},
        {"made:\n{\"k\":s3cret}", "the file is not valid JSON: invalid token; try another",
         VSA_ERR_JSON, 12},
    };
    (void)state;
    CHECK(&generous, rows);
}

static void test_object(void **state)
{
    static const char *const others[] = {"[]", "7", "\"x\"", "null"};
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        json_t *object = NULL;
        struct vsa_error error = {0};
        assert_int_equal(
            vsa_json_load_object(vsa_slice_of_text(others[i]), &plain, &object, &error),
            VSA_ERR_JSON);
        assert_string_equal(error.detail, "it is not a JSON object");
        assert_null(object);
    }
    VSA_AUTO_JSON json_t *object = NULL;
    assert_int_equal(vsa_json_load_object(vsa_slice_of_text("{\"a\":1}"), &plain, &object, NULL),
                     VSA_OK);
    assert_int_equal(object->refcount, 1);
    assert_int_equal(json_integer_value(json_object_get(object, "a")), 1);
}

/* Whichever allocation fails: it is never taken for text that is not JSON. */
static void test_memory(void **state)
{
    struct vsa_slice text = vsa_slice_of_text("{\"a\": [1, \"b\", {\"c\": 2.5}], \"d\": null}");
    int after = 0;
    (void)state;
    for (;; after++) {
        VSA_AUTO_JSON json_t *object = NULL;
        struct vsa_error error = {0};
        failing_memory_after(after);
        enum vsa_status status = vsa_json_load_object(text, &plain, &object, &error);
        failing_memory_after(-1);
        if (status == VSA_OK)
            break;
        if (status != VSA_ERR_MEMORY)
            fail_msg("allocation %d: %s", after, error.detail);
        assert_null(object);
    }
    assert_true(after > 8);
}

/* Reads the text with each single allocation failing: it is the whole value, or no memory. */
static void check_each_allocation(const char *text)
{
    static const struct vsa_json_limits limits = {.name = "it", .max_size = 256, .max_depth = 3};
    VSA_AUTO_JSON json_t *whole = NULL;
    failing_memory_after(-1);
    assert_int_equal(vsa_json_load(vsa_slice_of_text(text), &limits, &whole, NULL), VSA_OK);
    for (int after = 0, failures = 0; failures == after; after++) {
        VSA_AUTO_JSON json_t *value = NULL;
        failing_memory_once_after(after);
        enum vsa_status status = vsa_json_load(vsa_slice_of_text(text), &limits, &value, NULL);
        failing_memory_after(-1);
        if (status == VSA_ERR_MEMORY)
            failures++;
        else if (status != VSA_OK || !json_equal(whole, value))
            fail_msg("%s, allocation %d: another value, or %s", text, after,
                     vsa_status_code(status));
    }
}

/* No token, however long, loses a byte: a nonce would be attested that was not asked for. */
static void test_token_memory(void **state)
{
    static const char ends[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char text[256];
    (void)state;
    for (int size = 1; size <= 140; size++) {
        char token[160];
        for (int i = 0; i < size; i++)
            token[i] = ends[i % 36];
        token[size] = '\0';
        (void)snprintf(text, sizeof(text), "{\"nonce\":\"%s\",\"id\":7}", token);
        check_each_allocation(text);
        (void)snprintf(text, sizeof(text), "\"%s\"", token);
        check_each_allocation(text);
        (void)snprintf(text, sizeof(text), "{\"%s\":-1.5}", token);
        check_each_allocation(text);
    }
    for (int size = 1; size <= 18; size++) {
        (void)snprintf(text, sizeof(text), "[%.*s, 0.%.*s]", size, "123456789123456789", size,
                       "123456789123456789");
        check_each_allocation(text);
        (void)snprintf(text, sizeof(text), "%.*s", size, "123456789123456789");
        check_each_allocation(text);
    }
}

/* What follows a long token is no part of the value, either. */
static void test_long_tokens(void **state)
{
    static const struct row rows[] = {
        {"[\"0123456789abcdef\"]", NULL, VSA_OK, 0},
        {"\"0123456789abcdef\" \n", NULL, VSA_OK, 0},
        {"\"0123456789abcdef\",1", "it is not valid JSON: end of file expected", VSA_ERR_JSON,
         VSA_NO_OFFSET},
        {"\"0123456789abcdef\",", "it is not valid JSON: unexpected token", VSA_ERR_JSON, 19},
        {"\"0123456789abcdef\"]", "it is not valid JSON: end of file expected", VSA_ERR_JSON, 19},
        {"1],[\"0123456789abcdef\"", "it is not valid JSON: end of file expected", VSA_ERR_JSON, 3},
        {"{} {\"0123456789abcdef\":1}", "it is not valid JSON: ']' expected", VSA_ERR_JSON, 4},
        {"{\"0123456789abcdef\":x}", "it is not valid JSON: invalid token", VSA_ERR_JSON, 21},
        {"[\"0123456789abcdef\"", "it is not valid JSON: ']' expected", VSA_ERR_JSON, 19},
        {"\"0123456789abcdef", "it is not valid JSON: premature end of input", VSA_ERR_JSON, 17},
    };
    (void)state;
    CHECK(&plain, rows);
}

/* --- a string apart --------------------------------------------------------------------------- */

#define A64   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
#define A256  A64 A64 A64 A64
#define SHORT "abcdefgh"

/* Puts what was kept apart back into an object of strings and one object in it. */
static void put_back(json_t *object, struct vsa_slice apart, bool *found)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (json_is_object(value))
            put_back(value, apart, found);
        if (!json_is_string(value))
            continue;
        struct vsa_slice whole = vsa_json_apart_slice(value, apart);
        *found = *found || (apart.data && whole.data == apart.data);
        assert_int_equal(json_string_setn(value, (const char *)whole.data, whole.size), 0);
    }
}

/* What comes of a text is the same in both ways, errors too; `apart` says whether one was kept. */
static void test_apart(void **state)
{
    static const struct {
        const char *text;
        bool apart;
    } rows[] = {
        {"{\"a\":\"" A256 "\",\"b\":\"" SHORT "\"}", true},
        {"{\"b\":\"\",\"a\" : \"" A256 "\" }", true},
        {"{\"o\":{\"a\":\"" A256 "\"},\"n\":[1,2.5,null]}", true},
        {"{\"a\":\"" A256 "\",\"b\":\"" A256 "\"}", true},
        {"{\"a\":\"" A256 "\",\"b\":\"\xc3\xa4\"}", true},
        /* Too short, a key, an escape, a DEL, no ASCII. */
        {"{\"a\":\"" SHORT "\"}", false},
        {"{\"" A256 "\" :1}", false},
        {"{\"" A256 "\":1,\"" A256 "\":2}", false},
        {"{\"a\":\"" A256 "\",\"b\":\"\\u007f\"}", false},
        {"{\"a\":\"" A256 "\",\"b\":\"\x7f\"}", false},
        {"{\"a\":\"" A256 "\xc3\xa4\"}", false},
        {"{\"a\":\"" A256 "\\n\"}", false},
        /* Errors in front of it, in it and behind it. */
        {"{\"a\":x,\"b\":\"" A256 "\"}", false},
        {"{\"a\":\"" A256 "\n\"}", false},
        {"{\"a\":\"" A256 "\",\"b\":x}", false},
        {"{\"a\":\"" A256 "\",\"a\":1}", false},
        {"{\"a\":\"" A256 "\"}}", false},
        {"{\"a\":\"" A256 "\" \"b\"}", false},
        {"{\"a\":\"" A256, false},
        {"[\"" A256 "\"]", false},
        {"{\"a\":\"" A256 "\",\"b\":\"\xff\"}", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        VSA_AUTO_JSON json_t *whole = NULL;
        VSA_AUTO_JSON json_t *object = NULL;
        struct vsa_slice apart;
        struct vsa_slice text = vsa_slice_of_text(rows[i].text);
        struct vsa_error errors[2] = {{0}, {0}};
        bool found = false;
        enum vsa_status status = vsa_json_load_object(text, &plain, &whole, &errors[0]);
        if (vsa_json_load_object_apart(text, &plain, &object, &apart, &errors[1]) != status)
            fail_msg("row %zu: %d", i, status);
        assert_int_equal(errors[0].offset, errors[1].offset);
        assert_string_equal(errors[0].detail, errors[1].detail);
        if (status != VSA_OK)
            continue;
        put_back(object, apart, &found);
        if (!json_equal(object, whole) || found != rows[i].apart)
            fail_msg("row %zu: not the same, or %d", i, found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),        cmocka_unit_test(test_generous),
        cmocka_unit_test(test_object),       cmocka_unit_test(test_memory),
        cmocka_unit_test(test_token_memory), cmocka_unit_test(test_long_tokens),
        cmocka_unit_test(test_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
