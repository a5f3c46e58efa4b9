/* SPDX-License-Identifier: Apache-2.0 */
/* `attest`, both directions. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "protocol/attest.h"

static json_t *load(const char *text)
{
    json_error_t cause;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &cause);
    if (!object)
        fail_msg("%s: %s", text, cause.text);
    return object;
}

static void assert_text(struct vsa_slice slice, const char *text)
{
    if (!text)
        assert_null(slice.data);
    else if (!vsa_slice_equal_text(slice, text))
        fail_msg("\"%.*s\" instead of \"%s\"", (int)slice.size, (const char *)slice.data, text);
}

/* --- request, by the server ------------------------------------------------------------------- */

static void assert_request(const char *text, const char *user_data, const char *nonce,
                           bool generate_key)
{
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request request;
    struct vsa_error error = {0};
    VSA_AUTO_JSON json_t *object = load(text);
    if (vsa_attest_request_decode(object, &buffers, &request, &error) != VSA_OK)
        fail_msg("%s: %s", text, error.detail);
    assert_text(request.user_data, user_data);
    assert_text(request.nonce, nonce);
    assert_int_equal(request.generate_key, generate_key);
}

static void test_request_decode(void **state)
{
    (void)state;
    static const char greeting[] = "hello-from-enclave";
    assert_request("{\"command\": \"attest\"}", greeting, NULL, false);
    assert_request("{\"user_data\": \"u\", \"nonce\": \"n\", \"generate_key\": true}", "u", "n",
                   true);
    assert_request("{\"generate_key\": false}", greeting, NULL, false);
    assert_request("{\"generate_key\": null}", greeting, NULL, false);
    /* null is absent; the default is for requests that do not mention it. */
    assert_request("{\"user_data\": null, \"nonce\": null}", NULL, NULL, false);
    assert_request("{\"user_data_base64\": null}", NULL, NULL, false);
    assert_request("{\"user_data\": null, \"user_data_base64\": \"dQ==\"}", "u", NULL, false);
    assert_request("{\"user_data\": \"u\", \"user_data_base64\": null}", "u", NULL, false);
    /* Empty is not absent. */
    assert_request("{\"user_data\": \"\", \"nonce_base64\": \"\"}", "", "", false);
    assert_request("{\"nonce_base64\": \"bg==\"}", greeting, "n", false);
    /* Unknown members are ignored; in particular no client chooses a public key. */
    assert_request("{\"public_key\": \"AAAA\", \"x\": {}}", greeting, NULL, false);
}

static void test_request_binary(void **state)
{
    (void)state;
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request request;
    VSA_AUTO_JSON json_t *object =
        load("{\"user_data\": \"a\\u0000b\", \"nonce_base64\": \"/wAB\"}");
    assert_int_equal(vsa_attest_request_decode(object, &buffers, &request, NULL), VSA_OK);
    assert_int_equal(request.user_data.size, 3);
    assert_memory_equal(request.user_data.data, "a\0b", 3);
    assert_int_equal(request.nonce.size, 3);
    assert_memory_equal(request.nonce.data, "\xff\x00\x01", 3);
}

static void assert_bad_request(const char *text, enum vsa_status status, const char *words)
{
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request request = {.generate_key = true};
    struct vsa_error error = {0};
    VSA_AUTO_JSON json_t *object = load(text);
    enum vsa_status got = vsa_attest_request_decode(object, &buffers, &request, &error);
    if (got != status)
        fail_msg("%.80s: %s instead of %s", text, vsa_status_code(got), vsa_status_code(status));
    if (!strstr(error.detail, words))
        fail_msg("\"%s\" does not say \"%s\"", error.detail, words);
    assert_true(request.generate_key && !request.user_data.data);
}

static void test_request_refused(void **state)
{
    (void)state;
    assert_bad_request("{\"user_data\": 1}", VSA_ERR_FIELD, "\"user_data\" must be a string");
    assert_bad_request("{\"nonce\": []}", VSA_ERR_FIELD, "\"nonce\" must be a string");
    assert_bad_request("{\"nonce\": true}", VSA_ERR_FIELD, "\"nonce\" must be a string");
    /* "\0vsattest\0", in either field and form; nine bytes of it, and it further on, are fine. */
    assert_bad_request("{\"user_data\": \"\\u0000vsattest\\u0000seal\"}", VSA_ERR_FIELD,
                       "\"user_data\" begins with a prefix");
    assert_bad_request("{\"nonce\": \"\\u0000vsattest\\u0000\"}", VSA_ERR_FIELD,
                       "\"nonce\" begins with a prefix");
    assert_bad_request("{\"user_data_base64\": \"AHZzYXR0ZXN0AA==\"}", VSA_ERR_FIELD, "prefix");
    assert_bad_request("{\"nonce_base64\": \"AHZzYXR0ZXN0AGJhdGNoAAE=\"}", VSA_ERR_FIELD, "prefix");
    assert_bad_request("{\"nonce_base64\": 1}", VSA_ERR_FIELD, "\"nonce_base64\" must be a base64");
    assert_bad_request("{\"generate_key\": 1}", VSA_ERR_FIELD, "\"generate_key\" must be true");
    assert_bad_request("{\"generate_key\": \"true\"}", VSA_ERR_FIELD, "\"generate_key\" must");
    assert_bad_request("{\"user_data_base64\": \"a\"}", VSA_ERR_BASE64, "\"user_data_base64\"");
    assert_bad_request("{\"user_data_base64\": \"YQ\"}", VSA_ERR_BASE64, "\"user_data_base64\"");
    assert_bad_request("{\"user_data_base64\": \"YQ==\\n\"}", VSA_ERR_BASE64, "");
    assert_bad_request("{\"user_data_base64\": \"YR==\"}", VSA_ERR_BASE64, "");
    assert_bad_request("{\"user_data_base64\": \"_-A=\"}", VSA_ERR_BASE64, "");
    assert_bad_request("{\"user_data\": \"a\", \"user_data_base64\": \"YQ==\"}", VSA_ERR_REQUEST,
                       "exclude each other");
    assert_bad_request("{\"nonce\": \"\", \"nonce_base64\": \"\"}", VSA_ERR_REQUEST,
                       "exclude each other");
}

/* `count` times `piece` as the value of `key`. */
static json_t *request_with(const char *key, const char *piece, size_t count)
{
    static char value[2 * VSA_MAX_FIELD];
    size_t size = strlen(piece);
    assert_true(count * size < sizeof(value));
    for (size_t i = 0; i < count; i++)
        memcpy(value + i * size, piece, size);
    json_t *object = json_object();
    assert_int_equal(json_object_set_new(object, key, json_stringn(value, count * size)), 0);
    return object;
}

static void assert_size(const char *key, const char *piece, size_t count, enum vsa_status status)
{
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request request;
    VSA_AUTO_JSON json_t *object = request_with(key, piece, count);
    enum vsa_status got = vsa_attest_request_decode(object, &buffers, &request, NULL);
    if (got != status)
        fail_msg("%s %zu: %s", key, count, vsa_status_code(got));
}

/* Bytes count, not characters: 1024 are allowed. */
static void test_request_sizes(void **state)
{
    (void)state;
    assert_size("user_data", "a", 1024, VSA_OK);
    assert_size("user_data", "a", 1025, VSA_ERR_TOO_LARGE);
    assert_size("nonce", "\xc3\xa9", 512, VSA_OK);
    assert_size("nonce", "\xc3\xa9", 513, VSA_ERR_TOO_LARGE);
    assert_size("nonce_base64", "AAAA", 341, VSA_OK);            /* 1023 bytes */
    assert_size("nonce_base64", "AAAA", 342, VSA_ERR_TOO_LARGE); /* 1026 */
    assert_size("user_data_base64", "AAAA", 400, VSA_ERR_TOO_LARGE);
}

/* --- request, by the client ------------------------------------------------------------------- */

static void assert_encoded(struct vsa_attest_request request, const char *text)
{
    VSA_AUTO_JSON json_t *object = NULL;
    VSA_AUTO_JSON json_t *expected = load(text);
    assert_int_equal(vsa_attest_request_encode(&request, &object, NULL), VSA_OK);
    if (!json_equal(object, expected))
        fail_msg("%s instead of %s", json_dumps(object, 0), text);
}

static void test_request_encode(void **state)
{
    (void)state;
    assert_encoded((struct vsa_attest_request){0},
                   "{\"command\": \"attest\", \"user_data\": null, \"nonce\": null,"
                   " \"generate_key\": false}");
    assert_encoded((struct vsa_attest_request){.user_data = vsa_slice_of_text("caf\xc3\xa9"),
                                               .nonce = vsa_slice_of("\xff\x00\x01", 3),
                                               .generate_key = true},
                   "{\"command\": \"attest\", \"user_data\": \"caf\xc3\xa9\","
                   " \"nonce_base64\": \"/wAB\", \"generate_key\": true}");
}

/* What the client writes, the server reads. */
static void test_request_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[VSA_MAX_FIELD];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    const struct vsa_attest_request request = {.user_data = vsa_slice_of(bytes, sizeof(bytes)),
                                               .nonce = vsa_slice_of("a\0b", 3)};
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request read;
    VSA_AUTO_JSON json_t *object = NULL;
    assert_int_equal(vsa_attest_request_encode(&request, &object, NULL), VSA_OK);
    assert_int_equal(vsa_attest_request_decode(object, &buffers, &read, NULL), VSA_OK);
    assert_true(vsa_slice_equal(read.user_data, request.user_data));
    assert_true(vsa_slice_equal(read.nonce, request.nonce));
    assert_false(read.generate_key);
}

static void test_request_encode_too_large(void **state)
{
    (void)state;
    uint8_t bytes[VSA_MAX_FIELD + 1] = {0};
    json_t *object = NULL;
    struct vsa_attest_request request = {.nonce = vsa_slice_of(bytes, sizeof(bytes))};
    assert_int_equal(vsa_attest_request_encode(&request, &object, NULL), VSA_ERR_TOO_LARGE);
    assert_null(object);
}

/* --- reply ------------------------------------------------------------------------------------ */

static const struct vsa_attest_reply example = {
    .document = {(const uint8_t *)"\x84\x44", 2},
    .user_data = {(const uint8_t *)"u", 1},
    .nonce = {(const uint8_t *)"\xff", 1},
    .has_public_key = true,
    .timestamp_ms = 1674123456789,
};

static void test_reply_encode(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *object = json_object();
    VSA_AUTO_JSON json_t *expected =
        load("{\"attestation_document\": \"hEQ=\", \"user_data\": \"u\","
             " \"user_data_base64\": \"dQ==\", \"nonce\": null, \"nonce_base64\": \"/w==\","
             " \"has_public_key\": true, \"document_size\": 2, \"timestamp\": 1674123456789}");
    assert_int_equal(vsa_attest_reply_encode(&example, object, NULL), VSA_OK);
    assert_true(json_equal(object, expected));
}

static void test_reply_encode_absent(void **state)
{
    (void)state;
    const struct vsa_attest_reply reply = {.document = {(const uint8_t *)"\x84", 1}};
    VSA_AUTO_JSON json_t *object = json_object();
    assert_int_equal(vsa_attest_reply_encode(&reply, object, NULL), VSA_OK);
    static const char *const nulls[] = {"user_data", "user_data_base64", "nonce", "nonce_base64"};
    for (size_t i = 0; i < 4; i++)
        assert_true(json_is_null(json_object_get(object, nulls[i])));
    assert_true(json_is_false(json_object_get(object, "has_public_key")));
}

static void test_reply_round_trip(void **state)
{
    (void)state;
    static struct vsa_attest_reply_buffers buffers;
    struct vsa_attest_reply read;
    VSA_AUTO_JSON json_t *object = json_object();
    assert_int_equal(vsa_attest_reply_encode(&example, object, NULL), VSA_OK);
    assert_int_equal(vsa_attest_reply_decode(object, &buffers, &read, NULL), VSA_OK);
    assert_true(vsa_slice_equal(read.document, example.document));
    assert_text(read.document_base64, "hEQ=");
    assert_true(vsa_slice_equal(read.user_data, example.user_data));
    assert_true(vsa_slice_equal(read.nonce, example.nonce));
    assert_true(read.has_public_key);
    assert_int_equal(read.timestamp_ms, example.timestamp_ms);
}

/* Servers from before the *_base64 members. */
static void test_reply_of_old_server(void **state)
{
    (void)state;
    static struct vsa_attest_reply_buffers buffers;
    struct vsa_attest_reply read;
    VSA_AUTO_JSON json_t *object =
        load("{\"success\": true, \"attestation_document\": \"hEQ=\", \"user_data\": \"u\","
             " \"nonce\": null, \"has_public_key\": false, \"document_size\": 2}");
    assert_int_equal(vsa_attest_reply_decode(object, &buffers, &read, NULL), VSA_OK);
    assert_text(read.user_data, "u");
    assert_text(read.nonce, NULL);
    assert_int_equal(read.timestamp_ms, 0);
}

static void test_reply_refused(void **state)
{
    (void)state;
    static struct vsa_attest_reply_buffers buffers;
    static const char *const texts[] = {
        "{}",
        "{\"attestation_document\": null}",
        "{\"attestation_document\": 7}",
        "{\"attestation_document\": \"\"}",
        "{\"attestation_document\": \"hE\"}",
        "{\"attestation_document\": \"hEQ=\\n\"}",
        "{\"attestation_document\": \"hEQ=\", \"document_size\": 3}",
        "{\"attestation_document\": \"hEQ=\", \"document_size\": \"2\"}",
        "{\"attestation_document\": \"hEQ=\", \"user_data\": 1}",
        "{\"attestation_document\": \"hEQ=\", \"nonce_base64\": \"!\"}",
        "{\"attestation_document\": \"hEQ=\", \"nonce\": \"n\", \"nonce_base64\": \"bm8=\"}",
        "{\"attestation_document\": \"hEQ=\", \"has_public_key\": 1}",
        "{\"attestation_document\": \"hEQ=\", \"timestamp\": -1}",
        "{\"attestation_document\": \"hEQ=\", \"timestamp\": 1.5}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct vsa_attest_reply read = {.timestamp_ms = 4711};
        VSA_AUTO_JSON json_t *object = load(texts[i]);
        if (vsa_attest_reply_decode(object, &buffers, &read, NULL) != VSA_ERR_REPLY)
            fail_msg("%s was not refused", texts[i]);
        assert_int_equal(read.timestamp_ms, 4711);
    }
}

static void test_reply_sizes(void **state)
{
    (void)state;
    static struct vsa_attest_reply_buffers buffers;
    static char text[2 * VSA_MAX_DOCUMENT];
    struct vsa_attest_reply read;
    /* 16512 is divisible by 3. */
    memset(text, 'A', VSA_MAX_DOCUMENT / 3 * 4 + 4);
    VSA_AUTO_JSON json_t *fits = json_object();
    VSA_AUTO_JSON json_t *too_large = json_object();
    (void)json_object_set_new(fits, "attestation_document",
                              json_stringn(text, VSA_MAX_DOCUMENT / 3 * 4));
    (void)json_object_set_new(too_large, "attestation_document",
                              json_stringn(text, VSA_MAX_DOCUMENT / 3 * 4 + 4));
    assert_int_equal(vsa_attest_reply_decode(fits, &buffers, &read, NULL), VSA_OK);
    assert_int_equal(read.document.size, VSA_MAX_DOCUMENT);
    assert_int_equal(vsa_attest_reply_decode(too_large, &buffers, &read, NULL), VSA_ERR_REPLY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_decode),
        cmocka_unit_test(test_request_binary),
        cmocka_unit_test(test_request_refused),
        cmocka_unit_test(test_request_sizes),
        cmocka_unit_test(test_request_encode),
        cmocka_unit_test(test_request_round_trip),
        cmocka_unit_test(test_request_encode_too_large),
        cmocka_unit_test(test_reply_encode),
        cmocka_unit_test(test_reply_encode_absent),
        cmocka_unit_test(test_reply_round_trip),
        cmocka_unit_test(test_reply_of_old_server),
        cmocka_unit_test(test_reply_refused),
        cmocka_unit_test(test_reply_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
