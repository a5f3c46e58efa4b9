/* SPDX-License-Identifier: Apache-2.0 */
#include "server/counters.h"

/* The 1-2.5-5 steps that dashboards are used to, around what NSMs take: 1 to 10 ms. */
static const uint64_t coarse_bounds_us[VSA_LATENCY_BUCKETS] = {
    500,    1000,   2500,   5000,    10000,   25000,   50000,
    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

/* --- latencies -------------------------------------------------------------------------------- */

/*
 * Returns the bucket. Durations below 16 us have one each; above, the four bits after the highest
 * one choose among 16 buckets of its power of two.
 */
static size_t fine_index(uint64_t duration_us)
{
    unsigned shift = 0;
    if (duration_us > UINT32_MAX)
        duration_us = UINT32_MAX;
    while (duration_us >> shift >= 2 * (uint64_t)VSA_LATENCY_STEPS)
        shift++;
    return shift * VSA_LATENCY_STEPS + (size_t)(duration_us >> shift);
}

/* Returns the longest duration that the bucket counts. */
static uint64_t fine_upper_us(size_t index)
{
    if (index < 2 * (size_t)VSA_LATENCY_STEPS)
        return index;
    unsigned shift = (unsigned)(index / VSA_LATENCY_STEPS) - 1;
    uint64_t step = VSA_LATENCY_STEPS + index % VSA_LATENCY_STEPS;
    return ((step + 1) << shift) - 1;
}

static size_t coarse_index(uint64_t duration_us)
{
    size_t i = 0;
    while (i < VSA_LATENCY_BUCKETS && duration_us > coarse_bounds_us[i])
        i++;
    return i;
}

void vsa_latency_count(struct vsa_latency_counts *counts, uint64_t duration_us, bool failed)
{
    vsa_counter_add(&counts->fine[fine_index(duration_us)], 1);
    vsa_counter_add(&counts->coarse[coarse_index(duration_us)], 1);
    vsa_counter_add(&counts->sum_us, (int64_t)duration_us);
    if (duration_us > vsa_counter_get(&counts->max_us))
        vsa_counter_set(&counts->max_us, duration_us);
    if (failed)
        vsa_counter_add(&counts->failures, 1);
}

/*
 * Returns the upper end of the bucket where the `percent`th of `total` is; never above the longest.
 */
static uint64_t percentile(const uint64_t fine[VSA_LATENCY_FINE], uint64_t total, unsigned percent,
                           uint64_t max_us)
{
    uint64_t rank = (total * percent + 99) / 100;
    uint64_t seen = 0;
    for (size_t i = 0; i < VSA_LATENCY_FINE; i++) {
        seen += fine[i];
        if (seen >= rank && seen > 0)
            return fine_upper_us(i) < max_us ? fine_upper_us(i) : max_us;
    }
    return 0;
}

void vsa_latency_read(const struct vsa_latency_counts *counts,
                      struct vsa_latency_statistics *latency)
{
    uint64_t fine[VSA_LATENCY_FINE];
    uint64_t total = 0;
    *latency = (struct vsa_latency_statistics){
        .sum_us = vsa_counter_get(&counts->sum_us),
        .max_us = vsa_counter_get(&counts->max_us),
        .failures = vsa_counter_get(&counts->failures),
    };
    for (size_t i = 0; i < VSA_LATENCY_FINE; i++) {
        fine[i] = vsa_counter_get(&counts->fine[i]);
        total += fine[i];
    }
    latency->p50_us = percentile(fine, total, 50, latency->max_us);
    latency->p99_us = percentile(fine, total, 99, latency->max_us);
    for (size_t i = 0; i <= VSA_LATENCY_BUCKETS; i++) {
        latency->count += vsa_counter_get(&counts->coarse[i]);
        if (i == VSA_LATENCY_BUCKETS)
            break;
        latency->buckets[i].upper_us = coarse_bounds_us[i];
        latency->buckets[i].count = latency->count;
    }
}

/* --- everything ------------------------------------------------------------------------------- */

void vsa_counters_add_request(struct vsa_counters *counters, ptrdiff_t row, bool failed)
{
    vsa_counter_add(&counters->requests, 1);
    vsa_counter_add(&counters->errors, failed);
    if (row < 0)
        return;
    vsa_counter_add(&counters->command_requests[row], 1);
    vsa_counter_add(&counters->command_errors[row], failed);
}

void vsa_counters_read(const struct vsa_counters *counters, int64_t now_ms,
                       struct vsa_server_statistics *statistics)
{
    int64_t started_ms = (int64_t)vsa_counter_get(&counters->started_ms);
    *statistics = (struct vsa_server_statistics){
        .uptime_ms = started_ms ? now_ms - started_ms : 0,
        .requests = vsa_counter_get(&counters->requests),
        .errors = vsa_counter_get(&counters->errors),
        .connections_opened = vsa_counter_get(&counters->opened),
        .connections_refused = vsa_counter_get(&counters->refused),
        .in_flight = vsa_counter_get(&counters->in_flight),
        .queue_depth = vsa_counter_get(&counters->queue_depth),
        .rate_limited = vsa_counter_get(&counters->rate_limited),
        .cached = vsa_counter_get(&counters->cached),
        .coalesced = vsa_counter_get(&counters->coalesced),
    };
    vsa_latency_read(&counters->nsm, &statistics->nsm_latency);
    for (size_t i = 0; i < VSA_MAX_COMMANDS; i++) {
        statistics->commands[i].requests = vsa_counter_get(&counters->command_requests[i]);
        statistics->commands[i].errors = vsa_counter_get(&counters->command_errors[i]);
    }
}
