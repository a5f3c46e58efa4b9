/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "server/counters.h"

static struct vsa_latency_counts counts;

static int set_up(void **state)
{
    (void)state;
    counts = (struct vsa_latency_counts){0};
    return 0;
}

static struct vsa_latency_statistics read_counts(void)
{
    struct vsa_latency_statistics latency;
    vsa_latency_read(&counts, &latency);
    return latency;
}

static void test_empty(void **state)
{
    (void)state;
    struct vsa_latency_statistics latency = read_counts();
    assert_int_equal(latency.count, 0);
    assert_int_equal(latency.p50_us, 0);
    assert_int_equal(latency.p99_us, 0);
    assert_int_equal(latency.max_us, 0);
    for (size_t i = 0; i < VSA_LATENCY_BUCKETS; i++)
        assert_int_equal(latency.buckets[i].count, 0);
}

static void test_percentiles(void **state)
{
    (void)state;
    /* 1..1000 us: the 500th and the 990th. */
    for (uint64_t i = 1; i <= 1000; i++)
        vsa_latency_count(&counts, i, false);
    struct vsa_latency_statistics latency = read_counts();
    assert_int_equal(latency.count, 1000);
    assert_int_equal(latency.sum_us, 500500);
    assert_in_range(latency.p50_us, 500, 531);
    assert_in_range(latency.p99_us, 990, 1000);
    assert_int_equal(latency.max_us, 1000);
    assert_int_equal(latency.failures, 0);
}

static void test_few(void **state)
{
    (void)state;
    vsa_latency_count(&counts, 7, false);
    assert_int_equal(read_counts().p50_us, 7);
    vsa_latency_count(&counts, 9, true);
    struct vsa_latency_statistics latency = read_counts();
    assert_int_equal(latency.p50_us, 7); /* the first of two */
    assert_int_equal(latency.p99_us, 9);
    assert_int_equal(latency.failures, 1);
    assert_int_equal(latency.count, 2);
}

/* Never below the truth, at most a sixteenth above it, and never above the longest. */
static void test_resolution(void **state)
{
    (void)state;
    uint64_t value = 1;
    for (int i = 0; i < 2000 && value < UINT32_MAX; i++) {
        counts = (struct vsa_latency_counts){0};
        vsa_latency_count(&counts, value, false);
        vsa_latency_count(&counts, UINT32_MAX, false);
        uint64_t p50_us = read_counts().p50_us;
        if (p50_us < value || p50_us - value > value / 16)
            fail_msg("%llu is reported as %llu", (unsigned long long)value,
                     (unsigned long long)p50_us);
        value += value / 64 + 1;
    }
}

static void test_longest(void **state)
{
    (void)state;
    vsa_latency_count(&counts, UINT64_C(1) << 40, false);
    struct vsa_latency_statistics latency = read_counts();
    assert_int_equal(latency.max_us, UINT64_C(1) << 40);
    assert_int_equal(latency.p50_us, UINT32_MAX); /* what the buckets can tell */
    assert_int_equal(latency.count, 1);
    assert_int_equal(latency.buckets[VSA_LATENCY_BUCKETS - 1].count, 0);
}

/* Prometheus's `le`: up to and with the bound, cumulative. */
static void test_buckets(void **state)
{
    (void)state;
    vsa_latency_count(&counts, 500, false);
    vsa_latency_count(&counts, 501, false);
    vsa_latency_count(&counts, 10000000, false);
    vsa_latency_count(&counts, 10000001, false);
    struct vsa_latency_statistics latency = read_counts();
    assert_int_equal(latency.buckets[0].upper_us, 500);
    assert_int_equal(latency.buckets[0].count, 1);
    assert_int_equal(latency.buckets[1].upper_us, 1000);
    assert_int_equal(latency.buckets[1].count, 2);
    assert_int_equal(latency.buckets[VSA_LATENCY_BUCKETS - 1].upper_us, 10000000);
    assert_int_equal(latency.buckets[VSA_LATENCY_BUCKETS - 1].count, 3);
    assert_int_equal(latency.count, 4);
    for (size_t i = 1; i < VSA_LATENCY_BUCKETS; i++)
        assert_true(latency.buckets[i].upper_us > latency.buckets[i - 1].upper_us);
}

static void test_requests(void **state)
{
    (void)state;
    static struct vsa_counters counters;
    struct vsa_server_statistics statistics;
    vsa_counters_read(&counters, 5000, &statistics);
    assert_int_equal(statistics.uptime_ms, 0); /* not started */
    vsa_counter_set(&counters.started_ms, 3000);
    vsa_counters_add_request(&counters, 0, false);
    vsa_counters_add_request(&counters, VSA_MAX_COMMANDS - 1, true);
    vsa_counters_add_request(&counters, -1, true);
    vsa_counter_add(&counters.in_flight, 2);
    vsa_counter_add(&counters.in_flight, -1);
    vsa_latency_count(&counters.nsm, 7, false);
    vsa_counters_read(&counters, 5000, &statistics);
    assert_int_equal(statistics.uptime_ms, 2000);
    assert_int_equal(statistics.requests, 3);
    assert_int_equal(statistics.errors, 2);
    assert_int_equal(statistics.commands[0].requests, 1);
    assert_int_equal(statistics.commands[0].errors, 0);
    assert_int_equal(statistics.commands[VSA_MAX_COMMANDS - 1].requests, 1);
    assert_int_equal(statistics.commands[VSA_MAX_COMMANDS - 1].errors, 1);
    assert_int_equal(statistics.in_flight, 1);
    assert_int_equal(statistics.nsm_latency.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_empty, set_up),
        cmocka_unit_test_setup(test_percentiles, set_up),
        cmocka_unit_test_setup(test_few, set_up),
        cmocka_unit_test_setup(test_resolution, set_up),
        cmocka_unit_test_setup(test_longest, set_up),
        cmocka_unit_test_setup(test_buckets, set_up),
        cmocka_unit_test(test_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
