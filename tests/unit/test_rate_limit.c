/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets, by times that the test makes up. */
#include "unit_test.h"

#include <stdbool.h>

#include "server/rate_limit.h"

#define NO_CID 0

static struct vsa_rate_limit limit;
static struct vsa_bucket own;

static void set(int64_t rate, int64_t burst)
{
    limit = (struct vsa_rate_limit){.rate = rate, .burst = burst};
    own = (struct vsa_bucket){0};
}

/* Milliseconds to wait, of a peer with a bucket of its own. */
static int64_t take(int64_t now_ms)
{
    return vsa_rate_limit_take(&limit, NO_CID, &own, now_ms);
}

static void take_all(int64_t now_ms)
{
    for (int64_t i = 0; i < limit.burst; i++)
        assert_int_equal(take(now_ms), 0);
}

static void burst_then_rate(void **state)
{
    (void)state;
    set(10, 3);
    take_all(5000);
    assert_int_equal(take(5000), 100);
    assert_int_equal(take(5099), 1);
    assert_int_equal(take(5100), 0);
    assert_int_equal(take(5100), 100);
    assert_int_equal(take(5200), 0);
}

/* Asking often neither gains nor loses: the thousandths add up. */
static void asking_costs_nothing(void **state)
{
    (void)state;
    int64_t taken = 0;
    set(3, 1);
    for (int64_t now_ms = 1; now_ms <= 10000; now_ms++)
        taken += take(now_ms) == 0;
    /* One at once and three a second: the last of them at 1 + 29 * 333.3 ms. */
    assert_int_equal(taken, 30);
}

/* What it says is when a token is there, and no millisecond earlier. */
static void wait_is_exact(void **state)
{
    (void)state;
    static const int64_t rates[] = {1, 3, 7, 10, 333, 999, 1000, 1001, VSA_MAX_RATE_LIMIT};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        set(rates[i], 1);
        assert_int_equal(take(0), 0);
        int64_t wait_ms = take(0);
        assert_int_equal(wait_ms, (1000 + rates[i] - 1) / rates[i]);
        assert_int_equal(take(wait_ms - 1), 1);
        assert_int_equal(take(wait_ms), 0);
    }
}

static void fills_up_to_the_burst(void **state)
{
    (void)state;
    set(10, 3);
    take_all(0);
    take_all(1000000);
    assert_int_equal(take(1000000), 100);
}

static void clock_jumps(void **state)
{
    (void)state;
    set(10, 3);
    take_all(5000);
    /* Back: nothing is given, and it goes on from there. */
    assert_int_equal(take(1000), 100);
    assert_int_equal(take(1099), 1);
    assert_int_equal(take(1100), 0);
    /* As far as it goes, either way. */
    assert_int_equal(take(INT64_MIN), 100);
    take_all(INT64_MAX);
    assert_int_equal(take(INT64_MAX), 100);
}

static void largest_rule(void **state)
{
    (void)state;
    set(VSA_MAX_RATE_LIMIT, VSA_MAX_RATE_LIMIT);
    take_all(7);
    assert_int_equal(take(7), 1);
    assert_int_equal(take(8), 0);
}

static void no_limit(void **state)
{
    (void)state;
    set(0, 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(take(0), 0);
    vsa_rate_limit_give_back(&limit, 3, &own, 0);
}

static void given_back(void **state)
{
    (void)state;
    set(10, 3);
    take_all(0);
    vsa_rate_limit_give_back(&limit, NO_CID, &own, 0);
    assert_int_equal(take(0), 0);
    assert_int_equal(take(0), 100);
    /* Never more than full. */
    set(10, 3);
    vsa_rate_limit_give_back(&limit, NO_CID, &own, 0);
    take_all(0);
    assert_int_equal(take(0), 100);
}

/* --- CIDs ------------------------------------------------------------------------------------- */

static bool may(uint32_t cid, int64_t now_ms)
{
    return vsa_rate_limit_take(&limit, cid, NULL, now_ms) == 0;
}

static void each_has_its_own(void **state)
{
    (void)state;
    set(1, 1);
    assert_true(may(3, 0));
    assert_false(may(3, 999));
    assert_true(may(4, 999));
    assert_true(may(3, 1000));
    assert_true(may(UINT32_MAX, 1000));
    assert_int_equal(limit.count, 3);
    assert_int_equal(take(1000), 0);
}

/* As many as come: the table stays, and no CID that was limited is forgotten. */
static void table_is_bounded(void **state)
{
    (void)state;
    set(1, 1);
    for (uint32_t cid = 1; cid <= VSA_MAX_LIMITED_PEERS; cid++)
        assert_true(may(cid, 0));
    assert_int_equal(limit.count, VSA_MAX_LIMITED_PEERS);
    /* One allowance for all others. */
    assert_true(may(1000, 0));
    for (uint32_t cid = 1000; cid < 100000; cid++)
        assert_false(may(cid, 1));
    assert_int_equal(limit.count, VSA_MAX_LIMITED_PEERS);
    for (uint32_t cid = 1; cid <= VSA_MAX_LIMITED_PEERS; cid++)
        assert_false(may(cid, 999));
}

/* A full bucket is as good as none: its entry is given away, and only its. */
static void full_buckets_are_forgotten(void **state)
{
    (void)state;
    set(1, 1);
    for (uint32_t cid = 1; cid <= VSA_MAX_LIMITED_PEERS; cid++)
        assert_true(may(cid, cid == 1 ? 0 : 500));
    assert_true(may(1000, 1000));
    assert_int_equal(limit.entries[0].cid, 1000);
    assert_int_equal(limit.count, VSA_MAX_LIMITED_PEERS);
    assert_false(may(1000, 1000));
    for (uint32_t cid = 2; cid <= VSA_MAX_LIMITED_PEERS; cid++)
        assert_false(may(cid, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_then_rate),
        cmocka_unit_test(asking_costs_nothing),
        cmocka_unit_test(wait_is_exact),
        cmocka_unit_test(fills_up_to_the_burst),
        cmocka_unit_test(clock_jumps),
        cmocka_unit_test(largest_rule),
        cmocka_unit_test(no_limit),
        cmocka_unit_test(given_back),
        cmocka_unit_test(each_has_its_own),
        cmocka_unit_test(table_is_bounded),
        cmocka_unit_test(full_buckets_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
