/* SPDX-License-Identifier: Apache-2.0 */
#include "server/statistics.h"

#include <stdlib.h>
#include <string.h>

/* The 1-2.5-5 steps that dashboards are used to, around what NSMs take: 1 to 10 ms. */
static const uint64_t coarse_bounds_us[VSA_LATENCY_BUCKETS] = {
    500,    1000,   2500,   5000,    10000,   25000,   50000,
    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

struct vsa_statistics *vsa_statistics_new(void)
{
    return calloc(1, sizeof(struct vsa_statistics));
}

void vsa_statistics_free(struct vsa_statistics *statistics)
{
    free(statistics);
}

/* --- latencies -------------------------------------------------------------------------------- */

/*
 * Durations below 16 us have a bucket each; above, the four bits after the highest one choose among
 * 16 buckets of its power of two.
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

/* The longest duration that the bucket counts. */
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
    vsa_statistic_up(&counts->fine[fine_index(duration_us)]);
    vsa_statistic_up(&counts->coarse[coarse_index(duration_us)]);
    vsa_statistic_add(&counts->sum_us, duration_us);
    if (duration_us > vsa_statistic_get(&counts->max_us))
        vsa_statistic_set(&counts->max_us, duration_us);
    if (failed)
        vsa_statistic_up(&counts->failures);
}

/* The upper end of the bucket where the `percent`th of `total` is; never above the longest. */
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
        .sum_us = vsa_statistic_get(&counts->sum_us),
        .max_us = vsa_statistic_get(&counts->max_us),
        .failures = vsa_statistic_get(&counts->failures),
    };
    for (size_t i = 0; i < VSA_LATENCY_FINE; i++) {
        fine[i] = vsa_statistic_get(&counts->fine[i]);
        total += fine[i];
    }
    latency->p50_us = percentile(fine, total, 50, latency->max_us);
    latency->p99_us = percentile(fine, total, 99, latency->max_us);
    for (size_t i = 0; i <= VSA_LATENCY_BUCKETS; i++) {
        latency->count += vsa_statistic_get(&counts->coarse[i]);
        if (i == VSA_LATENCY_BUCKETS)
            break;
        latency->buckets[i].upper_us = coarse_bounds_us[i];
        latency->buckets[i].count = latency->count;
    }
}

/* --- everything ------------------------------------------------------------------------------- */

void vsa_statistics_read(const struct vsa_statistics *statistics,
                         struct vsa_server_statistics *snapshot)
{
    int64_t started_ms = (int64_t)vsa_statistic_get(&statistics->started_ms);
    const vsa_statistic *phases = statistics->phases;
    *snapshot = (struct vsa_server_statistics){
        .uptime_ms = started_ms ? vsa_monotonic_ms() - started_ms : 0,
        .requests = vsa_statistic_get(&statistics->requests),
        .errors = vsa_statistic_get(&statistics->errors),
        .connections_idle = vsa_statistic_get(&phases[VSA_PHASE_IDLE]),
        .connections_busy = vsa_statistic_get(&phases[VSA_PHASE_BUSY]),
        .connections_sending = vsa_statistic_get(&phases[VSA_PHASE_SENDING]),
        .connections_closing = vsa_statistic_get(&phases[VSA_PHASE_CLOSING]),
        .connections_opened = vsa_statistic_get(&statistics->opened),
        .connections_refused = vsa_statistic_get(&statistics->refused),
        .in_flight = vsa_statistic_get(&statistics->in_flight),
        .queue_depth = vsa_statistic_get(&statistics->queue_depth),
        .rate_limited = vsa_statistic_get(&statistics->rate_limited),
        .cached = vsa_statistic_get(&statistics->cached),
        .coalesced = vsa_statistic_get(&statistics->coalesced),
    };
    snapshot->connections = snapshot->connections_idle + snapshot->connections_busy +
                            snapshot->connections_sending + snapshot->connections_closing;
    vsa_latency_read(&statistics->nsm, &snapshot->nsm_latency);
}
