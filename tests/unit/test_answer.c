/* SPDX-License-Identifier: Apache-2.0 */
/* verifierd/answer.h: each failure has one status and code; no text of a client gets through. */
#include "unit_test.h"

#include "base/error.h"
#include "verifierd/answer.h"

static json_t *body_of(const struct vsa_answer *answer)
{
    json_t *body = json_loadb(answer->body, answer->size, 0, NULL);
    assert_non_null(body);
    return body;
}

static void problems(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *code;
    } expected[] = {
#define EXPECTED_ROW(name, status, code, meaning) {status, code},
        VSA_PROBLEM_TABLE(EXPECTED_ROW)
#undef EXPECTED_ROW
    };
    struct vsa_answer answer = {0};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        vsa_answer_problem(&answer, (enum vsa_problem)i, NULL);
        assert_int_equal(answer.status, expected[i].status);
        /* Clients that are to come back get the time, and no others. */
        assert_int_equal(answer.retry_after_ms, answer.status == 503 ? 1000 : 0);
        assert_int_equal(answer.max_age_ms, 0);
        json_t *body = body_of(&answer);
        assert_string_equal(json_string_value(json_object_get(body, "error")), expected[i].code);
        assert_int_equal(json_object_size(body), 2);
        json_decref(body);
    }
    vsa_answer_free(&answer);
    assert_null(answer.body);
}

/* A detail may quote what a client sent. */
static void details_are_printable(void **state)
{
    (void)state;
    struct vsa_answer answer = {0};
    struct vsa_error error;
    vsa_error_set(&error, VSA_ERR_JSON, 7, NULL, "a \"quoted\" \x1b[31m\xff\r\nX-Header: 1");
    vsa_answer_problem(&answer, VSA_PROBLEM_BODY, &error);
    json_t *body = body_of(&answer);
    const char *text = json_string_value(json_object_get(body, "message"));
    assert_non_null(text);
    assert_non_null(strstr(text, "the request is not as described: a \"quoted\""));
    for (size_t i = 0; text[i]; i++)
        assert_true(text[i] >= ' ' && text[i] <= '~');
    json_decref(body);
    vsa_answer_free(&answer);
}

static void bodies(void **state)
{
    (void)state;
    struct vsa_answer answer = {0};
    vsa_answer_bytes(&answer, "text/plain", vsa_slice_of("a\0b", 3));
    assert_int_equal(answer.size, 3);
    assert_memory_equal(answer.body, "a\0b", 3);
    /* The one before is released. */
    vsa_answer_json(&answer, json_pack("{s:i}", "a", 1));
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.type, "application/json");
    assert_string_equal(answer.body, "{\"a\":1}");
    assert_int_equal(answer.size, 7);
    /* Without memory there is an answer, too. */
    vsa_answer_json(&answer, NULL);
    assert_int_equal(answer.status, 500);
    assert_int_equal(answer.size, 0);
    vsa_answer_text(&answer, "text/plain", NULL);
    assert_int_equal(answer.status, 500);
    vsa_answer_free(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems),
        cmocka_unit_test(details_are_printable),
        cmocka_unit_test(bodies),
    };
    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
