/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "server/bucket.h"
#include <vsattest/limits.h>

static const struct vsa_bucket_rule ten_of_three = {.rate = 10, .burst = 3};

static void take(struct vsa_bucket *bucket, const struct vsa_bucket_rule *rule, int64_t now_ms)
{
    assert_int_equal(vsa_bucket_wait_ms(bucket, rule, now_ms), 0);
    vsa_bucket_take(bucket, rule, now_ms);
}

static void burst_then_rate(void **state)
{
    (void)state;
    struct vsa_bucket bucket = {0};
    for (int i = 0; i < 3; i++)
        take(&bucket, &ten_of_three, 5000);
    assert_int_equal(vsa_bucket_wait_ms(&bucket, &ten_of_three, 5000), 100);
    assert_int_equal(vsa_bucket_wait_ms(&bucket, &ten_of_three, 5099), 1);
    take(&bucket, &ten_of_three, 5100);
    assert_int_equal(vsa_bucket_wait_ms(&bucket, &ten_of_three, 5100), 100);
    take(&bucket, &ten_of_three, 5200);
}

/* Asking often neither gains nor loses: the thousandths add up. */
static void looking_costs_nothing(void **state)
{
    (void)state;
    struct vsa_bucket bucket = {0};
    const struct vsa_bucket_rule rule = {.rate = 3, .burst = 1};
    int64_t taken = 0;
    for (int64_t now_ms = 1; now_ms <= 10000; now_ms++) {
        if (vsa_bucket_wait_ms(&bucket, &rule, now_ms) == 0) {
            vsa_bucket_take(&bucket, &rule, now_ms);
            taken++;
        }
    }
    /* One at once and three a second: the last of them at 1 + 29 * 333.3 ms. */
    assert_int_equal(taken, 30);
}

/* What it says is when a token is there, and no millisecond earlier. */
static void wait_is_exact(void **state)
{
    (void)state;
    static const int64_t rates[] = {1, 3, 7, 10, 333, 999, 1000, 1001, VSA_MAX_RATE_LIMIT};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        const struct vsa_bucket_rule rule = {.rate = rates[i], .burst = 1};
        struct vsa_bucket bucket = {0};
        take(&bucket, &rule, 0);
        int64_t wait_ms = vsa_bucket_wait_ms(&bucket, &rule, 0);
        assert_int_equal(wait_ms, (1000 + rates[i] - 1) / rates[i]);
        assert_int_equal(vsa_bucket_wait_ms(&bucket, &rule, wait_ms - 1), 1);
        assert_int_equal(vsa_bucket_wait_ms(&bucket, &rule, wait_ms), 0);
    }
}

static void fills_up_to_the_burst(void **state)
{
    (void)state;
    struct vsa_bucket bucket = {0};
    for (int i = 0; i < 3; i++)
        take(&bucket, &ten_of_three, 0);
    assert_false(vsa_bucket_is_full(&bucket, &ten_of_three, 299));
    assert_true(vsa_bucket_is_full(&bucket, &ten_of_three, 300));
    for (int i = 0; i < 3; i++)
        take(&bucket, &ten_of_three, 1000000);
    assert_int_equal(vsa_bucket_wait_ms(&bucket, &ten_of_three, 1000000), 100);
}

static void clock_jumps(void **state)
{
    (void)state;
    struct vsa_bucket bucket = {0};
    for (int i = 0; i < 3; i++)
        take(&bucket, &ten_of_three, 5000);
    /* Back: nothing is given, and it goes on from there. */
    assert_int_equal(vsa_bucket_wait_ms(&bucket, &ten_of_three, 1000), 100);
    assert_int_equal(vsa_bucket_wait_ms(&bucket, &ten_of_three, 1099), 1);
    take(&bucket, &ten_of_three, 1100);
    /* As far as it goes, either way. */
    assert_int_equal(vsa_bucket_wait_ms(&bucket, &ten_of_three, INT64_MIN), 100);
    assert_true(vsa_bucket_is_full(&bucket, &ten_of_three, INT64_MAX));
    for (int i = 0; i < 3; i++)
        take(&bucket, &ten_of_three, INT64_MAX);
    assert_int_equal(vsa_bucket_wait_ms(&bucket, &ten_of_three, INT64_MAX), 100);
}

static void largest_rule(void **state)
{
    (void)state;
    const struct vsa_bucket_rule rule = {VSA_MAX_RATE_LIMIT, VSA_MAX_RATE_LIMIT};
    struct vsa_bucket bucket = {0};
    for (int i = 0; i < VSA_MAX_RATE_LIMIT; i++)
        vsa_bucket_take(&bucket, &rule, 7);
    assert_int_equal(vsa_bucket_wait_ms(&bucket, &rule, 7), 1);
    assert_false(vsa_bucket_is_full(&bucket, &rule, 1006));
    assert_true(vsa_bucket_is_full(&bucket, &rule, 1007));
}

static void no_limit(void **state)
{
    (void)state;
    const struct vsa_bucket_rule rule = {0, 0};
    struct vsa_bucket bucket = {0};
    for (int i = 0; i < 1000; i++)
        take(&bucket, &rule, 0);
    assert_true(vsa_bucket_is_full(&bucket, &rule, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_then_rate), cmocka_unit_test(looking_costs_nothing),
        cmocka_unit_test(wait_is_exact),   cmocka_unit_test(fills_up_to_the_burst),
        cmocka_unit_test(clock_jumps),     cmocka_unit_test(largest_rule),
        cmocka_unit_test(no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
