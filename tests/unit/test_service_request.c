/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "base/slice.h"
#include "verifierd/limits.h"
#include "verifierd/request.h"

static enum vsa_status parse(const char *body, struct vsa_verify_request *request)
{
    static uint8_t buffer[VSA_SERVICE_MAX_BODY];
    *request = (struct vsa_verify_request){0};
    return vsa_verify_request_parse(vsa_slice_of_text(body), buffer, sizeof(buffer), request, NULL);
}

static void verify_request(void **state)
{
    (void)state;
    struct vsa_verify_request request;
    assert_int_equal(parse("{\"document\":\"-_8=\",\"policy\":\"p\"}", &request), VSA_OK);
    assert_int_equal(request.document.size, 2);
    assert_memory_equal(request.document.data, "\xfb\xff", 2);
    assert_true(vsa_slice_equal_text(request.policy, "p"));
    assert_null(request.challenge.data);
    assert_null(request.audience.data);
    vsa_verify_request_free(&request);
    assert_int_equal(parse("{\"document\":\"+/8\",\"policy\":\"p\",\"challenge\":\"c\","
                           "\"audience\":\"\xc3\xa4\"}",
                           &request),
                     VSA_OK);
    assert_true(vsa_slice_equal_text(request.challenge, "c"));
    assert_true(vsa_slice_equal_text(request.audience, "\xc3\xa4"));
    vsa_verify_request_free(&request);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum vsa_status status;
    } table[] = {
        {"", VSA_ERR_EMPTY},
        {"[]", VSA_ERR_JSON},
        {"{}", VSA_ERR_REQUEST},
        {"{\"document\":\"AAAA\"}", VSA_ERR_REQUEST},
        {"{\"policy\":\"p\"}", VSA_ERR_REQUEST},
        {"{\"document\":\"\",\"policy\":\"p\"}", VSA_ERR_REQUEST},
        {"{\"document\":1,\"policy\":\"p\"}", VSA_ERR_REQUEST},
        {"{\"document\":\"AAAA\",\"policy\":null}", VSA_ERR_REQUEST},
        {"{\"document\":\"AAAA\",\"policy\":\"p\",\"at\":\"1\"}", VSA_ERR_REQUEST},
        {"{\"document\":\"AAAA\",\"policy\":\"p\",\"policy\":\"q\"}", VSA_ERR_DUPLICATE_KEY},
        {"{\"document\":\"AA AA\",\"policy\":\"p\"}", VSA_ERR_BASE64},
        {"{\"document\":\"AAAA\",\"policy\":{\"x\":{\"y\":1}}}", VSA_ERR_NESTING},
        {"{\"document\":\"AAAA\",\"policy\":\"p\",\"audience\":\"\"}", VSA_ERR_REQUEST},
        {"{\"document\":\"AAAA\",\"policy\":\"p\",\"audience\":\"a\\nb\"}", VSA_ERR_REQUEST},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct vsa_verify_request request;
        assert_int_equal(parse(table[i].body, &request), table[i].status);
        vsa_verify_request_free(&request);
    }
}

static void challenge_request(void **state)
{
    (void)state;
    json_t *json = NULL;
    struct vsa_slice policy = {0};
    assert_int_equal(
        vsa_challenge_request_parse(vsa_slice_of_text("{\"policy\":\"p\"}"), &json, &policy, NULL),
        VSA_OK);
    assert_true(vsa_slice_equal_text(policy, "p"));
    json_decref(json);
    json = NULL;
    assert_int_equal(
        vsa_challenge_request_parse(vsa_slice_of_text("{\"policy\":\"p\",\"document\":\"x\"}"),
                                    &json, &policy, NULL),
        VSA_ERR_REQUEST);
    json_decref(json);
}

static void audiences(void **state)
{
    (void)state;
    char text[VSA_MAX_TOKEN_TEXT + 1];
    memset(text, 'x', sizeof(text));
    assert_int_equal(vsa_audience_check((struct vsa_slice){0}, NULL), VSA_OK);
    assert_int_equal(vsa_audience_check(vsa_slice_of(text, VSA_MAX_TOKEN_TEXT), NULL), VSA_OK);
    assert_int_equal(vsa_audience_check(vsa_slice_of(text, sizeof(text)), NULL), VSA_ERR_REQUEST);
    assert_int_equal(vsa_audience_check(vsa_slice_of("\xff", 1), NULL), VSA_ERR_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify_request),
        cmocka_unit_test(refused),
        cmocka_unit_test(challenge_request),
        cmocka_unit_test(audiences),
    };
    return cmocka_run_group_tests_name("service_request", tests, NULL, NULL);
}
