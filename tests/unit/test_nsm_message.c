/* SPDX-License-Identifier: Apache-2.0 */
/* Known bytes: made from the rules of AWS's NSM API (Rust enums in serde_cbor). */
#include "nsm/message.h"
#include "software_nsm_fixture.h"
#include "unit_test.h"

#define VALUE_48                                                                                   \
    "30e84b2d7eeffe6d90a475797b35e59a11b0da473eee4b3b8edfe73daf0279801bb18730c39db7f27f2f77b7"     \
    "b458cb9e"

static struct vsa_slice text(const char *string)
{
    return vsa_slice_of_text(string);
}

/* --- known bytes, both directions ------------------------------------------------------------ */

static struct vsa_nsm_request check_request(const struct vsa_nsm_request *request, const char *hex)
{
    uint8_t buffer[VSA_NSM_MAX_REQUEST];
    struct vsa_slice encoded;
    struct vsa_slice expected = from_hex(hex);
    struct vsa_nsm_request decoded;
    assert_int_equal(vsa_nsm_request_encode(request, buffer, sizeof(buffer), &encoded, NULL),
                     VSA_OK);
    assert_int_equal(encoded.size, expected.size);
    assert_memory_equal(encoded.data, expected.data, expected.size);
    assert_int_equal(vsa_nsm_request_decode(expected, &decoded, NULL), VSA_OK);
    assert_int_equal(decoded.kind, request->kind);
    return decoded;
}

static struct vsa_nsm_response check_response(const struct vsa_nsm_response *response,
                                              const char *hex)
{
    uint8_t buffer[VSA_NSM_MAX_RESPONSE];
    struct vsa_slice encoded;
    struct vsa_slice expected = from_hex(hex);
    struct vsa_nsm_response decoded;
    assert_int_equal(vsa_nsm_response_encode(response, buffer, sizeof(buffer), &encoded, NULL),
                     VSA_OK);
    assert_int_equal(encoded.size, expected.size);
    assert_memory_equal(encoded.data, expected.data, expected.size);
    assert_int_equal(vsa_nsm_response_decode(expected, &decoded, NULL), VSA_OK);
    assert_int_equal(decoded.kind, response->kind);
    return decoded;
}

static void test_requests_with_an_index(void **state)
{
    (void)state;
    struct vsa_nsm_request request = {.kind = VSA_NSM_DESCRIBE_PCR};
    check_request(&request, "a1 6b 4465736372696265504352 a1 65 696e646578 00");
    request.index = 31;
    assert_int_equal(
        check_request(&request, "a1 6b 4465736372696265504352 a1 65 696e646578 181f").index, 31);
    request = (struct vsa_nsm_request){.kind = VSA_NSM_LOCK_PCR, .index = 16};
    assert_int_equal(check_request(&request, "a1 67 4c6f636b504352 a1 65 696e646578 10").index, 16);
    request = (struct vsa_nsm_request){.kind = VSA_NSM_LOCK_PCRS, .range = 20};
    assert_int_equal(check_request(&request, "a1 68 4c6f636b50435273 a1 65 72616e6765 14").range,
                     20);
}

static void test_request_extend(void **state)
{
    (void)state;
    struct vsa_nsm_request request = {
        .kind = VSA_NSM_EXTEND_PCR, .index = 16, .data = text("hello")};
    struct vsa_nsm_request decoded = check_request(
        &request, "a1 69 457874656e64504352 a2 65 696e646578 10 64 64617461 45 68656c6c6f");
    assert_int_equal(decoded.index, 16);
    assert_int_equal(decoded.data.size, 5);
    assert_memory_equal(decoded.data.data, "hello", 5);
}

static void test_requests_without_fields(void **state)
{
    (void)state;
    struct vsa_nsm_request request = {.kind = VSA_NSM_DESCRIBE_NSM};
    check_request(&request, "6b 44657363726962654e534d");
    request.kind = VSA_NSM_GET_RANDOM;
    check_request(&request, "69 47657452616e646f6d");
}

static void test_request_attestation(void **state)
{
    (void)state;
    struct vsa_nsm_request request = {.kind = VSA_NSM_ATTESTATION};
    struct vsa_nsm_request decoded =
        check_request(&request, "a1 6b 4174746573746174696f6e a3 69 757365725f64617461 f6 "
                                "65 6e6f6e6365 f6 6a 7075626c69635f6b6579 f6");
    assert_null(decoded.user_data.data);
    assert_null(decoded.nonce.data);
    assert_null(decoded.public_key.data);

    request.user_data = text("u");
    request.nonce = text("");
    decoded = check_request(&request, "a1 6b 4174746573746174696f6e a3 69 757365725f64617461 41 75 "
                                      "65 6e6f6e6365 40 6a 7075626c69635f6b6579 f6");
    assert_int_equal(decoded.user_data.size, 1);
    assert_non_null(decoded.nonce.data);
    assert_int_equal(decoded.nonce.size, 0);
    assert_null(decoded.public_key.data);
}

static void test_responses_with_a_pcr(void **state)
{
    (void)state;
    struct vsa_nsm_response response = {
        .kind = VSA_NSM_DESCRIBE_PCR, .lock = true, .data = from_hex(VALUE_48)};
    struct vsa_nsm_response decoded =
        check_response(&response, "a1 6b 4465736372696265504352 a2 64 6c6f636b f5 64 64617461 "
                                  "58 30" VALUE_48);
    assert_true(decoded.lock);
    assert_memory_equal(decoded.data.data, response.data.data, VSA_PCR_SIZE);
    response = (struct vsa_nsm_response){.kind = VSA_NSM_EXTEND_PCR, .data = from_hex(VALUE_48)};
    check_response(&response, "a1 69 457874656e64504352 a1 64 64617461 58 30" VALUE_48);
}

static void test_responses_without_fields(void **state)
{
    (void)state;
    struct vsa_nsm_response response = {.kind = VSA_NSM_LOCK_PCR};
    check_response(&response, "67 4c6f636b504352");
    response.kind = VSA_NSM_LOCK_PCRS;
    check_response(&response, "68 4c6f636b50435273");
}

static void test_response_description(void **state)
{
    (void)state;
    struct vsa_nsm_response response = {
        .kind = VSA_NSM_DESCRIBE_NSM,
        .description = {1, 0, 2, "i-1-enc2", 32, 0x8000ffff, "SHA384"},
    };
    struct vsa_nsm_response decoded = check_response(
        &response, "a1 6b 44657363726962654e534d a7 6d 76657273696f6e5f6d616a6f72 01 "
                   "6d 76657273696f6e5f6d696e6f72 00 6d 76657273696f6e5f7061746368 02 "
                   "69 6d6f64756c655f6964 68 692d312d656e6332 68 6d61785f70637273 1820 "
                   "6b 6c6f636b65645f70637273 91 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f "
                   "181f 66 646967657374 66 534841333834");
    assert_int_equal(decoded.description.version_major, 1);
    assert_int_equal(decoded.description.version_patch, 2);
    assert_string_equal(decoded.description.module_id, "i-1-enc2");
    assert_int_equal(decoded.description.max_pcrs, 32);
    assert_int_equal(decoded.description.locked_pcrs, 0x8000ffff);
    assert_string_equal(decoded.description.digest, "SHA384");
}

static void test_responses_with_bytes(void **state)
{
    (void)state;
    uint8_t random[256] = {7};
    uint8_t buffer[VSA_NSM_MAX_RESPONSE];
    struct vsa_slice encoded;
    struct vsa_nsm_response response = {.kind = VSA_NSM_GET_RANDOM,
                                        .random = vsa_slice_of(random, sizeof(random))};
    struct vsa_slice head = from_hex("a1 69 47657452616e646f6d a1 66 72616e646f6d 59 0100");
    assert_int_equal(vsa_nsm_response_encode(&response, buffer, sizeof(buffer), &encoded, NULL),
                     VSA_OK);
    assert_int_equal(encoded.size, head.size + sizeof(random));
    assert_memory_equal(encoded.data, head.data, head.size);

    response = (struct vsa_nsm_response){.kind = VSA_NSM_ATTESTATION, .document = text("doc")};
    struct vsa_nsm_response decoded =
        check_response(&response, "a1 6b 4174746573746174696f6e a1 68 646f63756d656e74 43 646f63");
    assert_int_equal(decoded.document.size, 3);
}

static void test_error_codes(void **state)
{
    (void)state;
    static const struct {
        enum vsa_nsm_code code;
        const char *name;
    } codes[] = {
        {VSA_NSM_INVALID_ARGUMENT, "InvalidArgument"},
        {VSA_NSM_INVALID_INDEX, "InvalidIndex"},
        {VSA_NSM_INVALID_RESPONSE, "InvalidResponse"},
        {VSA_NSM_READ_ONLY_INDEX, "ReadOnlyIndex"},
        {VSA_NSM_INVALID_OPERATION, "InvalidOperation"},
        {VSA_NSM_BUFFER_TOO_SMALL, "BufferTooSmall"},
        {VSA_NSM_INPUT_TOO_LARGE, "InputTooLarge"},
        {VSA_NSM_INTERNAL_ERROR, "InternalError"},
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        uint8_t buffer[64];
        struct vsa_slice encoded;
        struct vsa_nsm_response response = {.kind = VSA_NSM_ERROR, .code = codes[i].code};
        assert_string_equal(vsa_nsm_code_name(codes[i].code), codes[i].name);
        assert_int_equal(vsa_nsm_response_encode(&response, buffer, sizeof(buffer), &encoded, NULL),
                         VSA_OK);
        assert_int_equal(vsa_nsm_response_decode(encoded, &response, NULL), VSA_OK);
        assert_int_equal(response.kind, VSA_NSM_ERROR);
        assert_int_equal(response.code, codes[i].code);
    }
    struct vsa_nsm_response response = {.kind = VSA_NSM_ERROR, .code = VSA_NSM_INVALID_INDEX};
    check_response(&response, "a1 65 4572726f72 6c 496e76616c6964496e646578");
    response.code = VSA_NSM_READ_ONLY_INDEX;
    check_response(&response, "a1 65 4572726f72 6d 526561644f6e6c79496e646578");
    assert_string_equal(vsa_nsm_code_name(VSA_NSM_SUCCESS), "Success");
    assert_string_equal(vsa_nsm_code_name((enum vsa_nsm_code)9), "Unknown");
}

static void test_unknown_error_code(void **state)
{
    (void)state;
    struct vsa_nsm_response response;
    assert_int_equal(
        vsa_nsm_response_decode(from_hex("a1 65 4572726f72 63 4e6577"), &response, NULL), VSA_OK);
    assert_int_equal(response.code, VSA_NSM_INTERNAL_ERROR);
    assert_memory_equal(response.code_name.data, "New", 3);
    /* Success is no error. */
    assert_int_equal(
        vsa_nsm_response_decode(from_hex("a1 65 4572726f72 67 53756363657373"), &response, NULL),
        VSA_ERR_FIELD);
}

/* --- order, strictness, garbage -------------------------------------------------------------- */

static void test_field_order_is_free(void **state)
{
    (void)state;
    struct vsa_nsm_request request;
    struct vsa_nsm_response response;
    assert_int_equal(
        vsa_nsm_request_decode(
            from_hex("a1 69 457874656e64504352 a2 64 64617461 45 68656c6c6f 65 696e646578 10"),
            &request, NULL),
        VSA_OK);
    assert_int_equal(request.index, 16);
    assert_int_equal(request.data.size, 5);
    assert_int_equal(
        vsa_nsm_response_decode(
            from_hex("a1 6b 4465736372696265504352 a2 64 64617461 58 30" VALUE_48 "64 6c6f636b f4"),
            &response, NULL),
        VSA_OK);
    assert_false(response.lock);
}

static void assert_request_refused(const char *hex, enum vsa_status expected)
{
    struct vsa_nsm_request request;
    struct vsa_error error = {0};
    assert_int_equal(vsa_nsm_request_decode(from_hex(hex), &request, &error), expected);
    assert_int_equal(error.status, expected);
    assert_int_not_equal(error.detail[0], '\0');
}

static void test_requests_are_read_strictly(void **state)
{
    (void)state;
    assert_request_refused("", VSA_ERR_CBOR);
    assert_request_refused("ff", VSA_ERR_CBOR_FORBIDDEN);
    assert_request_refused("00", VSA_ERR_FIELD);
    assert_request_refused("a0", VSA_ERR_FIELD_MISSING);
    /* "Nonsense", {"Nonsense": {}}, {"Error": "InvalidIndex"} */
    assert_request_refused("68 4e6f6e73656e7365", VSA_ERR_UNKNOWN_COMMAND);
    assert_request_refused("a1 68 4e6f6e73656e7365 a0", VSA_ERR_UNKNOWN_COMMAND);
    assert_request_refused("a1 65 4572726f72 6c 496e76616c6964496e646578", VSA_ERR_UNKNOWN_COMMAND);
    /* A bare name where fields are needed, a map where none are: {"GetRandom": {}} */
    assert_request_refused("67 4c6f636b504352", VSA_ERR_UNKNOWN_COMMAND);
    assert_request_refused("a1 69 47657452616e646f6d a0", VSA_ERR_UNKNOWN_COMMAND);
    /* {"LockPCR": {}}, {"LockPCR": {"index": 1, "x": 1}}, {"LockPCR": {"index": 1, "index": 1}} */
    assert_request_refused("a1 67 4c6f636b504352 a0", VSA_ERR_FIELD_MISSING);
    assert_request_refused("a1 67 4c6f636b504352 a2 65 696e646578 01 61 78 01", VSA_ERR_FIELD);
    assert_request_refused("a1 67 4c6f636b504352 a2 65 696e646578 01 65 696e646578 01",
                           VSA_ERR_DUPLICATE_KEY);
    /* index: 65536, "1", -1, null */
    assert_request_refused("a1 67 4c6f636b504352 a1 65 696e646578 1a00010000", VSA_ERR_FIELD);
    assert_request_refused("a1 67 4c6f636b504352 a1 65 696e646578 61 31", VSA_ERR_FIELD);
    assert_request_refused("a1 67 4c6f636b504352 a1 65 696e646578 20", VSA_ERR_FIELD);
    assert_request_refused("a1 67 4c6f636b504352 a1 65 696e646578 f6", VSA_ERR_FIELD);
    /* Attestation without nonce; user_data as an array of integers */
    assert_request_refused("a1 6b 4174746573746174696f6e a2 69 757365725f64617461 f6 "
                           "6a 7075626c69635f6b6579 f6",
                           VSA_ERR_FIELD_MISSING);
    assert_request_refused("a1 6b 4174746573746174696f6e a3 69 757365725f64617461 81 01 "
                           "65 6e6f6e6365 f6 6a 7075626c69635f6b6579 f6",
                           VSA_ERR_FIELD);
    /* two in one, indefinite map, trailing byte, index not in shortest form */
    assert_request_refused("a2 67 4c6f636b504352 a1 65 696e646578 01 "
                           "68 4c6f636b50435273 a1 65 72616e6765 14",
                           VSA_ERR_FIELD);
    assert_request_refused("bf 67 4c6f636b504352 a1 65 696e646578 01 ff", VSA_ERR_CBOR_FORBIDDEN);
    assert_request_refused("69 47657452616e646f6d 00", VSA_ERR_TRAILING_BYTES);
    assert_request_refused("a1 67 4c6f636b504352 a1 65 696e646578 1801", VSA_ERR_CBOR_FORBIDDEN);
}

static void assert_response_refused(const char *hex, enum vsa_status expected)
{
    struct vsa_nsm_response response;
    assert_int_equal(vsa_nsm_response_decode(from_hex(hex), &response, NULL), expected);
}

static void test_responses_may_grow(void **state)
{
    (void)state;
    struct vsa_nsm_response response;
    /* {"ExtendPCR": {"data": ..., "new": [1, {"a": null}]}}, indefinite maps */
    assert_int_equal(
        vsa_nsm_response_decode(from_hex("bf 69 457874656e64504352 bf 64 64617461 58 30" VALUE_48
                                         "63 6e6577 82 01 a1 61 61 f6 ff ff"),
                                &response, NULL),
        VSA_OK);
    assert_int_equal(response.kind, VSA_NSM_EXTEND_PCR);
    assert_int_equal(response.data.size, VSA_PCR_SIZE);
}

static void test_malformed_responses(void **state)
{
    (void)state;
    assert_response_refused("", VSA_ERR_CBOR);
    assert_response_refused("68 4e6f6e73656e7365", VSA_ERR_REPLY);
    assert_response_refused("a1 68 4e6f6e73656e7365 a0", VSA_ERR_REPLY);
    assert_response_refused("a1 65 4572726f72 01", VSA_ERR_FIELD);
    /* PCR of 47 bytes; cut off; the same field twice */
    assert_response_refused("a1 69 457874656e64504352 a1 64 64617461 42 0102", VSA_ERR_FIELD);
    assert_response_refused("a1 69 457874656e64504352 a1 64 64617461 58 30 0102", VSA_ERR_CBOR);
    assert_response_refused("a1 6b 4174746573746174696f6e a2 68 646f63756d656e74 41 00 "
                            "68 646f63756d656e74 41 00",
                            VSA_ERR_DUPLICATE_KEY);
    assert_response_refused("67 4c6f636b504352 67 4c6f636b504352", VSA_ERR_TRAILING_BYTES);
}

#define DESCRIPTION_HEAD                                                                           \
    "a1 6b 44657363726962654e534d a7 6d 76657273696f6e5f6d616a6f72 01 "                            \
    "6d 76657273696f6e5f6d696e6f72 00 6d 76657273696f6e5f7061746368 00 68 6d61785f70637273 1820 "
#define MODULE_ID "69 6d6f64756c655f6964 "
#define LOCKED    "6b 6c6f636b65645f70637273 "
#define DIGEST    "66 646967657374 "

static void test_malformed_descriptions(void **state)
{
    (void)state;
    struct vsa_nsm_response response;
    assert_int_equal(vsa_nsm_response_decode(from_hex(DESCRIPTION_HEAD MODULE_ID
                                                      "61 69" LOCKED "80" DIGEST "66 534841353132"),
                                             &response, NULL),
                     VSA_OK);
    assert_string_equal(response.description.digest, "SHA512");
    /* module_id: empty, with a newline, with a NUL, with U+009B, with U+202E */
    assert_response_refused(DESCRIPTION_HEAD MODULE_ID "60" LOCKED "80" DIGEST "66 534841333834",
                            VSA_ERR_FIELD);
    assert_response_refused(DESCRIPTION_HEAD MODULE_ID "61 0a" LOCKED "80" DIGEST "66 534841333834",
                            VSA_ERR_FIELD);
    assert_response_refused(DESCRIPTION_HEAD MODULE_ID "61 00" LOCKED "80" DIGEST "66 534841333834",
                            VSA_ERR_FIELD);
    assert_response_refused(
        DESCRIPTION_HEAD MODULE_ID "62 c29b" LOCKED "80" DIGEST "66 534841333834", VSA_ERR_FIELD);
    assert_response_refused(
        DESCRIPTION_HEAD MODULE_ID "63 e280ae" LOCKED "80" DIGEST "66 534841333834", VSA_ERR_FIELD);
    /* locked_pcrs: 32, twice 1 */
    assert_response_refused(DESCRIPTION_HEAD MODULE_ID "61 69" LOCKED "81 1820" DIGEST
                                                       "66 534841333834",
                            VSA_ERR_FIELD);
    assert_response_refused(DESCRIPTION_HEAD MODULE_ID "61 69" LOCKED "82 01 01" DIGEST
                                                       "66 534841333834",
                            VSA_ERR_FIELD);
    /* digest: "SHA1" */
    assert_response_refused(DESCRIPTION_HEAD MODULE_ID "61 69" LOCKED "80" DIGEST "64 53484131",
                            VSA_ERR_FIELD);
}

static void test_module_id_at_its_limit(void **state)
{
    (void)state;
    uint8_t buffer[1024];
    struct vsa_slice encoded;
    struct vsa_nsm_response decoded;
    struct vsa_nsm_response response = {.kind = VSA_NSM_DESCRIBE_NSM,
                                        .description = {.digest = "SHA384"}};
    memset(response.description.module_id, 'x', VSA_MAX_MODULE_ID);
    assert_int_equal(vsa_nsm_response_encode(&response, buffer, sizeof(buffer), &encoded, NULL),
                     VSA_OK);
    assert_int_equal(vsa_nsm_response_decode(encoded, &decoded, NULL), VSA_OK);
    assert_int_equal(strlen(decoded.description.module_id), VSA_MAX_MODULE_ID);
    /* One more: text of 128 bytes becomes 129. */
    struct vsa_slice longer =
        from_hex("a1 6b 44657363726962654e534d a1 69 6d6f64756c655f6964 7881");
    uint8_t message[256];
    memcpy(message, longer.data, longer.size);
    memset(message + longer.size, 'x', VSA_MAX_MODULE_ID + 1);
    assert_int_equal(
        vsa_nsm_response_decode(vsa_slice_of(message, longer.size + VSA_MAX_MODULE_ID + 1),
                                &decoded, NULL),
        VSA_ERR_FIELD);
}

static void test_buffer_too_small(void **state)
{
    (void)state;
    uint8_t buffer[20];
    struct vsa_slice encoded;
    struct vsa_nsm_request request = {.kind = VSA_NSM_DESCRIBE_PCR};
    assert_int_equal(vsa_nsm_request_encode(&request, buffer, sizeof(buffer), &encoded, NULL),
                     VSA_ERR_BUFFER);
    request.kind = VSA_NSM_ERROR;
    assert_int_equal(vsa_nsm_request_encode(&request, buffer, sizeof(buffer), &encoded, NULL),
                     VSA_ERR_ARGUMENT);
}

/* Every prefix of a message is refused: nothing is read past the end. */
static void test_every_prefix_is_refused(void **state)
{
    (void)state;
    struct vsa_nsm_request request;
    struct vsa_slice whole = from_hex("a1 6b 4174746573746174696f6e a3 69 757365725f64617461 41 75 "
                                      "65 6e6f6e6365 f6 6a 7075626c69635f6b6579 f6");
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        assert_non_null(copy);
        memcpy(copy, whole.data, size);
        assert_int_not_equal(vsa_nsm_request_decode(vsa_slice_of(copy, size), &request, NULL),
                             VSA_OK);
        free(copy);
    }
    assert_int_equal(vsa_nsm_request_decode(whole, &request, NULL), VSA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_with_an_index),
        cmocka_unit_test(test_request_extend),
        cmocka_unit_test(test_requests_without_fields),
        cmocka_unit_test(test_request_attestation),
        cmocka_unit_test(test_responses_with_a_pcr),
        cmocka_unit_test(test_responses_without_fields),
        cmocka_unit_test(test_response_description),
        cmocka_unit_test(test_responses_with_bytes),
        cmocka_unit_test(test_error_codes),
        cmocka_unit_test(test_unknown_error_code),
        cmocka_unit_test(test_field_order_is_free),
        cmocka_unit_test(test_requests_are_read_strictly),
        cmocka_unit_test(test_responses_may_grow),
        cmocka_unit_test(test_malformed_responses),
        cmocka_unit_test(test_malformed_descriptions),
        cmocka_unit_test(test_module_id_at_its_limit),
        cmocka_unit_test(test_buffer_too_small),
        cmocka_unit_test(test_every_prefix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
