/* SPDX-License-Identifier: Apache-2.0 */
/* When a client asks again, and after how long: as functions, without sleeping. */
#include "unit_test.h"

#include <jansson.h>

#include "client/retry.h"
#include <vsattest/limits.h>

#define LONG_MS INT64_C(1000000000)

static bool is_idempotent(const char *text)
{
    json_t *request = json_loads(text, 0, NULL);
    assert_non_null(request);
    bool idempotent = vsa_retry_is_idempotent(request);
    json_decref(request);
    return idempotent;
}

static void what_is_idempotent(void **state)
{
    (void)state;
    assert_true(is_idempotent("{\"command\":\"ping\"}"));
    assert_true(is_idempotent("{\"command\":\"status\"}"));
    assert_true(is_idempotent("{\"command\":\"metrics\"}"));
    assert_true(is_idempotent("{\"command\":\"attest\",\"nonce\":\"x\"}"));
    assert_true(is_idempotent("{\"command\":\"attest\",\"generate_key\":false}"));
    assert_true(is_idempotent("{\"command\":\"attest\",\"generate_key\":null}"));
    assert_false(is_idempotent("{\"command\":\"attest\",\"generate_key\":true}"));
    assert_false(is_idempotent("{\"command\":\"transfer\"}"));
    assert_false(is_idempotent("{\"command\":\"pingx\"}"));
    assert_false(is_idempotent("{\"command\":7}"));
    assert_false(is_idempotent("{}"));
}

/* Every status there is: the three lists name all that are asked again. */
static void which_failures_are_asked_again(void **state)
{
    (void)state;
    static const enum vsa_status all[] = {
#define ROW(name, number, code, meaning) name,
        VSA_STATUS_TABLE(ROW)
#undef ROW
    };
    static const enum vsa_status always[] = {VSA_ERR_REFUSED,       VSA_ERR_BUSY,
                                             VSA_ERR_RATE_LIMITED,  VSA_ERR_CONNECTIONS,
                                             VSA_ERR_SHUTTING_DOWN, VSA_ERR_IDLE_TIMEOUT};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        bool is_always = false;
        for (size_t k = 0; k < sizeof(always) / sizeof(always[0]); k++)
            is_always = is_always || always[k] == all[i];
        bool if_idempotent = is_always || all[i] == VSA_ERR_NSM_UNREACHABLE;
        struct vsa_attempt answered = {all[i], -1, false};
        struct vsa_attempt unanswered = {all[i], -1, true};
        assert_int_equal(vsa_retry_is_allowed(&answered, false), is_always);
        assert_int_equal(vsa_retry_is_allowed(&unanswered, false), is_always);
        assert_int_equal(vsa_retry_is_allowed(&answered, true), if_idempotent);
        assert_int_equal(vsa_retry_is_allowed(&unanswered, true),
                         if_idempotent || all[i] == VSA_ERR_CLOSED);
    }
}

static void pauses_double_up_to_a_limit(void **state)
{
    (void)state;
    static const int64_t least[] = {50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    for (unsigned i = 0; i < sizeof(least) / sizeof(least[0]); i++) {
        assert_int_equal(vsa_retry_pause_ms(i, -1, LONG_MS, 0), least[i]);
        /* At random up to as much again. */
        assert_int_equal(vsa_retry_pause_ms(i, -1, LONG_MS, (uint32_t)least[i]), 2 * least[i]);
        assert_int_equal(vsa_retry_pause_ms(i, -1, LONG_MS, (uint32_t)least[i] + 1), least[i]);
    }
    assert_int_equal(vsa_retry_pause_ms(VSA_MAX_RETRIES, -1, LONG_MS, 0), 5000);
    assert_int_equal(vsa_retry_pause_ms(UINT32_MAX, -1, LONG_MS, 0), 5000);
}

/* What the enclave asked for is the least, however long; the random part still grows. */
static void the_enclaves_wish_is_honoured(void **state)
{
    (void)state;
    assert_int_equal(vsa_retry_pause_ms(0, 0, LONG_MS, 0), 0);
    assert_int_equal(vsa_retry_pause_ms(0, 7, LONG_MS, 0), 7);
    assert_int_equal(vsa_retry_pause_ms(9, 7, LONG_MS, 0), 7);
    assert_int_equal(vsa_retry_pause_ms(0, 60000, LONG_MS, 0), 60000);
    assert_int_equal(vsa_retry_pause_ms(0, 60000, LONG_MS, 50), 60050);
    assert_int_equal(vsa_retry_pause_ms(3, 60000, LONG_MS, 400), 60400);
    for (uint32_t random = 0; random < 1000; random++)
        assert_true(vsa_retry_pause_ms(2, 333, LONG_MS, random * 4294967u) >= 333);
}

static void never_beyond_the_timeout(void **state)
{
    (void)state;
    assert_int_equal(vsa_retry_pause_ms(0, -1, 50, 0), -1);
    assert_int_equal(vsa_retry_pause_ms(0, -1, 51, 50), 50);
    assert_int_equal(vsa_retry_pause_ms(0, 1000, 1000, 0), -1);
    assert_int_equal(vsa_retry_pause_ms(0, 1000, 1001, 999), 1000);
    assert_int_equal(vsa_retry_pause_ms(0, 0, 0, 0), -1);
    assert_int_equal(vsa_retry_pause_ms(0, 0, -5, 0), -1);
    assert_int_equal(vsa_retry_pause_ms(5, VSA_MAX_RETRY_AFTER_MS, INT64_MIN, 1), -1);
    for (unsigned retry = 0; retry < 10; retry++)
        for (int64_t left = -10; left < 12000; left += 7)
            for (uint32_t i = 0; i < 5; i++) {
                int64_t pause = vsa_retry_pause_ms(retry, -1, left, i * 0x3fffffffu);
                assert_true(pause == -1 || (pause >= 50 && pause < left));
                /* Half of the room after the least pause is left for the exchange. */
                assert_true(pause == -1 || pause <= (left + 5000) / 2);
            }
}

static void random_numbers_differ(void **state)
{
    (void)state;
    uint32_t first = vsa_retry_random();
    bool differs = false;
    for (int i = 0; i < 8; i++)
        differs = differs || vsa_retry_random() != first;
    assert_true(differs);
}

static void sleeping_lasts_long_enough(void **state)
{
    (void)state;
    int64_t before = vsa_monotonic_ms();
    vsa_retry_sleep(0);
    vsa_retry_sleep(30);
    int64_t slept = vsa_monotonic_ms() - before;
    assert_true(slept >= 29 && slept < 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_idempotent),
        cmocka_unit_test(which_failures_are_asked_again),
        cmocka_unit_test(pauses_double_up_to_a_limit),
        cmocka_unit_test(the_enclaves_wish_is_honoured),
        cmocka_unit_test(never_beyond_the_timeout),
        cmocka_unit_test(random_numbers_differ),
        cmocka_unit_test(sleeping_lasts_long_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
