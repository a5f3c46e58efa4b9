/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server counts about itself. Any thread may read; each number has one thread that writes
 * it (the loop's, or the NSM's where said), so that counting costs an addition and no lock.
 */
#ifndef VSA_SERVER_COUNTERS_H
#define VSA_SERVER_COUNTERS_H

#include "base/counter.h"
#include <vsattest/server.h>

/*
 * Durations in microseconds from 0 to 2^32: each power of two has 16 buckets, so that a percentile
 * is known to a sixteenth (6.25 %) in 3.6 KiB, whatever the number of requests.
 */
#define VSA_LATENCY_STEPS 16
#define VSA_LATENCY_FINE  ((32 - 4) * VSA_LATENCY_STEPS + VSA_LATENCY_STEPS)

/* Written by the NSM's thread. */
struct vsa_latency_counts {
    vsa_counter fine[VSA_LATENCY_FINE];
    vsa_counter coarse[VSA_LATENCY_BUCKETS + 1]; /* not cumulative; the last: longer than all */
    vsa_counter sum_us;
    vsa_counter max_us;
    vsa_counter failures;
};

/* Zeroed: nothing was counted. */
struct vsa_counters {
    vsa_counter started_ms; /* CLOCK_MONOTONIC; 0: not yet */
    vsa_counter requests;
    vsa_counter errors;
    vsa_counter command_requests[VSA_MAX_COMMANDS]; /* by row of the command table */
    vsa_counter command_errors[VSA_MAX_COMMANDS];
    vsa_counter opened;
    vsa_counter refused;
    vsa_counter in_flight;
    vsa_counter queue_depth;
    vsa_counter rate_limited;
    vsa_counter cached;
    vsa_counter coalesced;
    struct vsa_latency_counts nsm;
};

/* Counts one exchange with the NSM, however it went. */
void vsa_latency_count(struct vsa_latency_counts *counts, uint64_t duration_us, bool failed);
void vsa_latency_read(const struct vsa_latency_counts *counts,
                      struct vsa_latency_statistics *latency);

/* Counts an answered request; `row` of the command table, or -1: of none. */
void vsa_counters_add_request(struct vsa_counters *counters, ptrdiff_t row, bool failed);

/* Sets what is counted here; the rest of `*statistics` becomes 0. */
void vsa_counters_read(const struct vsa_counters *counters, int64_t now_ms,
                       struct vsa_server_statistics *statistics);

#endif
