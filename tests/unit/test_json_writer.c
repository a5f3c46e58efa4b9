/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "failing_memory.h"
#include "json/writer.h"

static void assert_json(const json_t *value, const char *expected)
{
    char text[256];
    size_t size = json_dumpb(value, text, sizeof(text) - 1, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_in_range(size, 1, sizeof(text) - 1);
    text[size] = '\0';
    assert_string_equal(text, expected);
}

static json_t *make_nested(void)
{
    struct vsa_json_writer list = vsa_json_array();
    vsa_json_append(&list, json_integer(1));
    vsa_json_append(&list, json_string("two"));
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "b", json_true());
    vsa_json_put(&writer, "a", vsa_json_finish(&list));
    vsa_json_put(&writer, "pcr", vsa_json_hex(vsa_slice_of("\x00\xab", 2)));
    return vsa_json_finish(&writer);
}

static void test_order(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *made = make_nested();
    assert_json(made, "{\"b\":true,\"a\":[1,\"two\"],\"pcr\":\"00ab\"}");
    assert_int_equal(made->refcount, 1);
}

/* What fails first decides; what is put afterwards is released. */
static void test_sticky(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *kept = json_string("kept");
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "a", NULL);
    vsa_json_put(&writer, "b", json_incref(kept));
    assert_true(writer.failed);
    assert_null(vsa_json_finish(&writer));
    assert_int_equal(kept->refcount, 1);
    struct vsa_json_writer array = vsa_json_array();
    vsa_json_put(&array, "a", json_incref(kept)); /* no member of an array */
    assert_null(vsa_json_finish(&array));
    assert_int_equal(kept->refcount, 1);
}

static void test_extend(void **state)
{
    (void)state;
    struct vsa_error error = {0};
    VSA_AUTO_JSON json_t *object = json_object();
    struct vsa_json_writer writer = vsa_json_extend(object);
    vsa_json_put(&writer, "a", json_integer(1));
    assert_int_equal(vsa_json_close(&writer, &error), VSA_OK);
    assert_int_equal(vsa_json_set(object, "b", json_integer(2), &error), VSA_OK);
    assert_json(object, "{\"a\":1,\"b\":2}");
    assert_int_equal(object->refcount, 1);
    assert_int_equal(vsa_json_set(object, "c", NULL, &error), VSA_ERR_MEMORY);
    assert_int_equal(error.status, VSA_ERR_MEMORY);
    assert_int_equal(object->refcount, 1);
    /* Of a constructor that failed. */
    struct vsa_json_writer none = vsa_json_extend(NULL);
    vsa_json_put(&none, "a", json_integer(1));
    assert_int_equal(vsa_json_close(&none, NULL), VSA_ERR_MEMORY);
}

static void test_memory(void **state)
{
    int after = 0;
    (void)state;
    for (;; after++) {
        failing_memory_after(after);
        VSA_AUTO_JSON json_t *made = make_nested();
        failing_memory_after(-1);
        if (made)
            break;
    }
    assert_true(after > 8);
}

static void test_get(void **state)
{
    (void)state;
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "a", json_null());
    vsa_json_put(&writer, "b", json_integer(1));
    VSA_AUTO_JSON json_t *object = vsa_json_finish(&writer);
    assert_null(vsa_json_get(object, "a"));
    assert_null(vsa_json_get(object, "c"));
    assert_int_equal(json_integer_value(vsa_json_get(object, "b")), 1);
}

static void test_bytes(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *absent = vsa_json_base64(vsa_slice_of(NULL, 0));
    VSA_AUTO_JSON json_t *empty = vsa_json_base64(vsa_slice_of_text(""));
    VSA_AUTO_JSON json_t *some = vsa_json_base64(vsa_slice_of_text("ab"));
    assert_json(absent, "null");
    assert_json(empty, "\"\"");
    assert_json(some, "\"YWI=\"");
    VSA_AUTO_JSON json_t *text = vsa_json_text_or_null(vsa_slice_of_text("\xc3\xa9"));
    VSA_AUTO_JSON json_t *not_text = vsa_json_text_or_null(vsa_slice_of_text("\xc3"));
    VSA_AUTO_JSON json_t *no_text = vsa_json_text_or_null(vsa_slice_of(NULL, 0));
    assert_json(text, "\"\xc3\xa9\"");
    assert_json(not_text, "null");
    assert_json(no_text, "null");
    VSA_AUTO_JSON json_t *hex = vsa_json_hex(vsa_slice_of_text(""));
    assert_json(hex, "\"\"");
}

/* One allocation after the other fails: all of the text, or none. */
static void test_print(void **state)
{
    (void)state;
    static const size_t flags[] = {JSON_COMPACT, JSON_COMPACT | JSON_SORT_KEYS, JSON_INDENT(2)};
    static const char *const expected[] = {
        "{\"b\":true,\"a\":[1,\"two\"],\"pcr\":\"00ab\"}",
        "{\"a\":[1,\"two\"],\"b\":true,\"pcr\":\"00ab\"}",
        "{\n  \"b\": true,\n  \"a\": [\n    1,\n    \"two\"\n  ],\n  \"pcr\": \"00ab\"\n}",
    };
    VSA_AUTO_JSON json_t *made = make_nested();
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        char *text = NULL;
        int after = 0;
        for (; !text; after++) {
            failing_memory_once_after(after);
            text = vsa_json_print(made, flags[i]);
            failing_memory_after(-1);
        }
        assert_string_equal(text, expected[i]);
        assert_true(after > 2);
        free(text);
    }
    assert_null(vsa_json_print(NULL, 0));
}

/* Around the size of the buffer that is tried first; one allocation after the other fails. */
static void test_print_sizes(void **state)
{
    (void)state;
    static char content[6000];
    memset(content, 'a', sizeof(content));
    for (size_t size = 4080; size < sizeof(content); size += size < 4110 ? 1 : 1000) {
        VSA_AUTO_JSON json_t *made = json_stringn(content, size);
        char *text = NULL;
        for (int after = 0; !text; after++) {
            failing_memory_once_after(after);
            text = vsa_json_print(made, JSON_ENCODE_ANY);
            failing_memory_after(-1);
        }
        assert_int_equal(strlen(text), size + 2);
        assert_memory_equal(text + 1, content, size);
        assert_int_equal(text[size + 1], '"');
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),  cmocka_unit_test(test_sticky),
        cmocka_unit_test(test_extend), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_get),    cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_print),  cmocka_unit_test(test_print_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
