/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>

#include "verifierd/limits.h"
#include "verifierd/verdict_log.h"

#define MINUTE INT64_C(60000)
/* Not a multiple of the hour. */
#define BEGIN (1234 * MINUTE)

static struct vsa_verdict_log *verdicts;

static int make(void **state)
{
    (void)state;
    verdicts = vsa_verdict_log_new();
    return verdicts ? 0 : -1;
}

static int release(void **state)
{
    (void)state;
    vsa_verdict_log_free(verdicts);
    return 0;
}

static json_t *show(int64_t now_ms)
{
    json_t *value = vsa_verdict_log_to_json(verdicts, now_ms);
    assert_non_null(value);
    return value;
}

static json_t *policy_at(json_t *value, size_t index)
{
    return json_array_get(json_object_get(value, "policies"), index);
}

static json_int_t number_of(json_t *policy, const char *name)
{
    assert_true(json_is_integer(json_object_get(policy, name)));
    return json_integer_value(json_object_get(policy, name));
}

/* Verdicts of the minute that is `age` before the present one. */
static json_int_t minute_of(json_t *policy, size_t age)
{
    json_t *minutes = json_object_get(policy, "minutes");
    assert_int_equal(json_array_size(minutes), VSA_VERDICT_MINUTES);
    return json_integer_value(json_array_get(minutes, VSA_VERDICT_MINUTES - 1 - age));
}

static void empty(void **state)
{
    (void)state;
    json_t *value = show(BEGIN);
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"policies\":[],\"recent\":[]}");
    free(text);
    json_decref(value);
}

static void counts_by_policy_and_minute(void **state)
{
    (void)state;
    vsa_verdict_log_add(verdicts, "a", VSA_TIER_AFFIRMING, BEGIN);
    vsa_verdict_log_add(verdicts, "b", VSA_TIER_WARNING, BEGIN + MINUTE - 1);
    vsa_verdict_log_add(verdicts, "a", VSA_TIER_AFFIRMING, BEGIN + MINUTE);
    vsa_verdict_log_add(verdicts, "a", VSA_TIER_CONTRAINDICATED, BEGIN + 2 * MINUTE);
    json_t *value = show(BEGIN + 3 * MINUTE);
    json_t *a = policy_at(value, 0);
    json_t *b = policy_at(value, 1);
    assert_string_equal(json_string_value(json_object_get(a, "policy")), "a");
    assert_int_equal(number_of(a, "affirming"), 2);
    assert_int_equal(number_of(a, "warning"), 0);
    assert_int_equal(number_of(a, "contraindicated"), 1);
    assert_int_equal(number_of(b, "warning"), 1);
    for (size_t age = 0; age < VSA_VERDICT_MINUTES; age++) {
        assert_int_equal(minute_of(a, age), age >= 1 && age <= 3);
        assert_int_equal(minute_of(b, age), age == 3);
    }
    json_decref(value);
}

static void forgets_after_an_hour(void **state)
{
    (void)state;
    vsa_verdict_log_add(verdicts, "a", VSA_TIER_AFFIRMING, BEGIN);
    json_t *value = show(BEGIN + 59 * MINUTE);
    assert_int_equal(minute_of(policy_at(value, 0), 59), 1);
    json_decref(value);
    value = show(BEGIN + 60 * MINUTE);
    assert_null(policy_at(value, 0));
    assert_int_equal(json_array_size(json_object_get(value, "recent")), 1);
    json_decref(value);
    /* Nothing of the first hour comes back in the second. */
    vsa_verdict_log_add(verdicts, "a", VSA_TIER_AFFIRMING, BEGIN + 500 * MINUTE);
    value = show(BEGIN + 500 * MINUTE);
    assert_int_equal(number_of(policy_at(value, 0), "affirming"), 1);
    json_decref(value);
}

/* A thread that read the clock before another one counts in the newest minute. */
static void a_clock_read_earlier(void **state)
{
    (void)state;
    vsa_verdict_log_add(verdicts, "a", VSA_TIER_AFFIRMING, BEGIN + MINUTE);
    vsa_verdict_log_add(verdicts, "a", VSA_TIER_AFFIRMING, BEGIN);
    json_t *value = show(BEGIN + MINUTE - 1);
    assert_int_equal(minute_of(policy_at(value, 0), 0), 2);
    json_t *recent = json_object_get(value, "recent");
    assert_int_equal(number_of(json_array_get(recent, 0), "age_ms"), MINUTE - 1);
    assert_int_equal(number_of(json_array_get(recent, 1), "age_ms"), 0);
    json_decref(value);
}

static void newest_first(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 2 * VSA_RECENT_VERDICTS + 5; i++)
        vsa_verdict_log_add(verdicts, i % 2 ? "odd" : "even", VSA_TIER_WARNING, BEGIN + i);
    json_t *value = show(BEGIN + 1000);
    json_t *recent = json_object_get(value, "recent");
    assert_int_equal(json_array_size(recent), VSA_RECENT_VERDICTS);
    for (size_t i = 0; i < VSA_RECENT_VERDICTS; i++) {
        json_t *one = json_array_get(recent, i);
        assert_int_equal(number_of(one, "age_ms"), 1000 - (2 * VSA_RECENT_VERDICTS + 4) + i);
        assert_string_equal(json_string_value(json_object_get(one, "policy")),
                            i % 2 ? "odd" : "even");
        assert_string_equal(json_string_value(json_object_get(one, "status")), "warning");
    }
    json_decref(value);
}

static void add_named(size_t number, int64_t now_ms)
{
    char name[VSA_MAX_POLICY_NAME + 1];
    (void)snprintf(name, sizeof(name), "%064zu", number);
    vsa_verdict_log_add(verdicts, name, VSA_TIER_AFFIRMING, now_ms);
}

static uint64_t affirming_total;
static size_t visited;

static void sum_up(void *context, const char *policy, const uint64_t totals[VSA_TIERS])
{
    (void)context;
    assert_int_equal(strlen(policy), VSA_MAX_POLICY_NAME);
    assert_int_equal(totals[VSA_TIER_NONE] + totals[VSA_TIER_WARNING], 0);
    affirming_total += totals[VSA_TIER_AFFIRMING];
    visited++;
}

static void assert_totals(size_t policies, uint64_t sum)
{
    affirming_total = 0;
    visited = 0;
    vsa_verdict_log_visit(verdicts, sum_up, NULL);
    assert_int_equal(visited, policies);
    assert_int_equal(affirming_total, sum);
}

/* Names are bounded; one without a verdict in the hour makes room. */
static void many_names(void **state)
{
    (void)state;
    const size_t rows = 2 * VSA_MAX_POLICY_FILES;
    for (size_t i = 0; i < rows + 5; i++)
        add_named(i, BEGIN);
    json_t *value = show(BEGIN);
    assert_int_equal(json_array_size(json_object_get(value, "policies")), rows);
    json_decref(value);
    assert_totals(rows, rows);
    for (size_t i = 0; i < rows; i++)
        if (i != 7)
            add_named(i, BEGIN + 30 * MINUTE);
    /* The one row without a verdict in the hour, and what it had counted, are another's. */
    add_named(1000000, BEGIN + 70 * MINUTE);
    add_named(1000001, BEGIN + 70 * MINUTE);
    value = show(BEGIN + 70 * MINUTE);
    assert_int_equal(json_array_size(json_object_get(value, "policies")), rows);
    assert_int_equal(number_of(policy_at(value, 6), "affirming"), 1);
    assert_string_equal(json_string_value(json_object_get(policy_at(value, 7), "policy")) + 57,
                        "1000000");
    assert_int_equal(minute_of(policy_at(value, 7), 0), 1);
    json_decref(value);
    assert_totals(rows, 2 * rows - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty, make, release),
        cmocka_unit_test_setup_teardown(counts_by_policy_and_minute, make, release),
        cmocka_unit_test_setup_teardown(forgets_after_an_hour, make, release),
        cmocka_unit_test_setup_teardown(a_clock_read_earlier, make, release),
        cmocka_unit_test_setup_teardown(newest_first, make, release),
        cmocka_unit_test_setup_teardown(many_names, make, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
