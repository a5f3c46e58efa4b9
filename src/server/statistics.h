/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server counts about itself. Any thread may read; each number has one thread that writes
 * it (the loop's, or the NSM's where said), so that counting costs an addition and no lock.
 */
#ifndef VSA_SERVER_STATISTICS_H
#define VSA_SERVER_STATISTICS_H

#include <stdatomic.h>

#include <vsattest/server.h>

typedef _Atomic uint64_t vsa_statistic;

/*
 * Durations in microseconds from 0 to 2^32: each power of two has 16 buckets, so that a percentile
 * is known to a sixteenth (6.25 %) in 3.6 KiB, whatever the number of requests.
 */
#define VSA_LATENCY_STEPS 16
#define VSA_LATENCY_FINE  ((32 - 4) * VSA_LATENCY_STEPS + VSA_LATENCY_STEPS)

/* Written by the NSM's thread. */
struct vsa_latency_counts {
    vsa_statistic fine[VSA_LATENCY_FINE];
    vsa_statistic coarse[VSA_LATENCY_BUCKETS + 1]; /* not cumulative; the last: longer than all */
    vsa_statistic sum_us;
    vsa_statistic max_us;
    vsa_statistic failures;
};

/* What a connection is doing; every open one is counted under one of these. */
enum vsa_connection_phase {
    VSA_PHASE_IDLE,    /* its peer's turn */
    VSA_PHASE_BUSY,    /* a request is in flight */
    VSA_PHASE_SENDING, /* its peer does not read its replies */
    VSA_PHASE_CLOSING, /* no more requests */
    VSA_PHASE_COUNT,
};

struct vsa_statistics {
    vsa_statistic started_ms; /* CLOCK_MONOTONIC; 0: not yet */
    vsa_statistic requests;
    vsa_statistic errors;
    vsa_statistic command_requests[VSA_MAX_COMMANDS]; /* by index of the server's `commands` */
    vsa_statistic command_errors[VSA_MAX_COMMANDS];
    vsa_statistic opened;
    vsa_statistic refused;
    vsa_statistic phases[VSA_PHASE_COUNT];
    vsa_statistic in_flight;
    vsa_statistic queue_depth; /* written under the worker's mutex */
    vsa_statistic rate_limited;
    vsa_statistic cached;
    vsa_statistic coalesced;
    struct vsa_latency_counts nsm;
};

/* NULL when memory is short. */
struct vsa_statistics *vsa_statistics_new(void);
/* NULL is fine. */
void vsa_statistics_free(struct vsa_statistics *statistics);

/* --- counting; by the number's own thread ----------------------------------------------------- */

static inline uint64_t vsa_statistic_get(const vsa_statistic *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

static inline void vsa_statistic_set(vsa_statistic *number, uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_relaxed);
}

/* One writer: so a load and a store do, without a locked instruction. */
static inline void vsa_statistic_add(vsa_statistic *number, uint64_t more)
{
    vsa_statistic_set(number, vsa_statistic_get(number) + more);
}

static inline void vsa_statistic_up(vsa_statistic *number)
{
    vsa_statistic_add(number, 1);
}

static inline void vsa_statistic_down(vsa_statistic *number)
{
    vsa_statistic_set(number, vsa_statistic_get(number) - 1);
}

/* One exchange with the NSM, however it went. */
void vsa_latency_count(struct vsa_latency_counts *counts, uint64_t duration_us, bool failed);

/* --- reading; by any thread ------------------------------------------------------------------- */

void vsa_latency_read(const struct vsa_latency_counts *counts,
                      struct vsa_latency_statistics *latency);

/* All but the commands and the NSM, which others know. */
void vsa_statistics_read(const struct vsa_statistics *statistics,
                         struct vsa_server_statistics *snapshot);

#endif
