/* SPDX-License-Identifier: Apache-2.0 */
#include "server/quantities.h"

#include <stddef.h>
#include <string.h>

#define AT(member)      offsetof(struct vsa_snapshot, member)
#define COUNTED(member) offsetof(struct vsa_snapshot, statistics.member)

/* clang-format off: one row, one line */
const struct vsa_quantity vsa_quantities[] = {
    {COUNTED(uptime_ms), VSA_UNIT_MS, NULL, NULL, "uptime_seconds", NULL, "gauge",
     "Time since the server started."},
    {COUNTED(connections_idle), VSA_UNIT_ONE, "connections_by_state", "idle", "connections",
     "state=\"idle\"", "gauge", "Open connections by what they wait for."},
    {COUNTED(connections_busy), VSA_UNIT_ONE, "connections_by_state", "busy", "connections",
     "state=\"busy\"", NULL, NULL},
    {COUNTED(connections_sending), VSA_UNIT_ONE, "connections_by_state", "sending", "connections",
     "state=\"sending\"", NULL, NULL},
    {COUNTED(connections_closing), VSA_UNIT_ONE, "connections_by_state", "closing", "connections",
     "state=\"closing\"", NULL, NULL},
    {AT(max_connections), VSA_UNIT_ONE, NULL, NULL, "connections_limit", NULL, "gauge",
     "Connections that may be open."},
    {COUNTED(connections_opened), VSA_UNIT_ONE, NULL, "connections_opened",
     "connections_opened_total", NULL, "counter", "Connections accepted."},
    {COUNTED(connections_refused), VSA_UNIT_ONE, NULL, "connections_refused",
     "connections_refused_total", NULL, "counter",
     "Connections refused, since too many were open."},
    {COUNTED(buffered_bytes), VSA_UNIT_ONE, NULL, "buffered_bytes", "buffered_bytes", NULL, "gauge",
     "Memory of unfinished lines, unread replies and waiting requests."},
    {AT(max_buffered), VSA_UNIT_ONE, NULL, "buffered_bytes_limit", "buffered_bytes_limit", NULL,
     "gauge", "Memory that these may have."},
    {COUNTED(in_flight), VSA_UNIT_ONE, NULL, "in_flight", "requests_in_flight", NULL, "gauge",
     "Requests accepted and not answered yet."},
    {AT(max_in_flight), VSA_UNIT_ONE, NULL, NULL, "requests_in_flight_limit", NULL, "gauge",
     "Requests that may be in flight."},
    {COUNTED(queue_depth), VSA_UNIT_ONE, NULL, "queue_depth", "nsm_queue_requests", NULL, "gauge",
     "Requests waiting for the NSM."},
    {AT(max_queue), VSA_UNIT_ONE, NULL, NULL, "nsm_queue_limit", NULL, "gauge",
     "Requests that may wait for the NSM."},
    {COUNTED(rate_limited), VSA_UNIT_ONE, NULL, "rate_limited", "requests_rate_limited_total", NULL,
     "counter", "Requests answered rate_limited."},
    {COUNTED(cached), VSA_UNIT_ONE, NULL, "cached", "requests_cached_total", NULL, "counter",
     "Requests answered from the cache of replies."},
    {COUNTED(coalesced), VSA_UNIT_ONE, NULL, "coalesced", "requests_coalesced_total", NULL,
     "counter", "Requests that shared the NSM's answer to another one."},
    {COUNTED(sealed_rotated_early), VSA_UNIT_ONE, NULL, "sealed_rotated_early",
     "sealed_rotated_early_total", NULL, "counter", "Sealing keys used up before their time."},
    {COUNTED(nsm_age_ms), VSA_UNIT_MS, NULL, NULL, "nsm_age_seconds", NULL, "gauge",
     "Time since it was learnt whether the NSM is reachable."},
    {COUNTED(nsm_latency.count), VSA_UNIT_ONE, "nsm_latency_us", "count", NULL, NULL, NULL, NULL},
    {COUNTED(nsm_latency.failures), VSA_UNIT_ONE, "nsm_latency_us", "failures",
     "nsm_exchange_failures_total", NULL, "counter", "Exchanges with the NSM without an answer."},
    {COUNTED(nsm_latency.p50_us), VSA_UNIT_ONE, "nsm_latency_us", "p50", NULL, NULL, NULL, NULL},
    {COUNTED(nsm_latency.p99_us), VSA_UNIT_ONE, "nsm_latency_us", "p99", NULL, NULL, NULL, NULL},
    {COUNTED(nsm_latency.max_us), VSA_UNIT_US, "nsm_latency_us", "max",
     "nsm_exchange_duration_max_seconds", NULL, "gauge",
     "The longest exchange with the NSM since the server started."},
    {AT(usage.resident_bytes), VSA_UNIT_ONE, NULL, "resident_bytes",
     "process_resident_memory_bytes", NULL, "gauge", "Resident memory of the process."},
    {AT(usage.user_us), VSA_UNIT_US_MS, "cpu_ms", "user", "process_cpu_seconds_total",
     "mode=\"user\"", "counter", "CPU time of the process."},
    {AT(usage.system_us), VSA_UNIT_US_MS, "cpu_ms", "system", "process_cpu_seconds_total",
     "mode=\"system\"", NULL, NULL},
};
/* clang-format on */
const size_t vsa_quantity_count = sizeof(vsa_quantities) / sizeof(vsa_quantities[0]);

int64_t vsa_quantity_value(const struct vsa_quantity *quantity, const struct vsa_snapshot *snapshot)
{
    int64_t value;
    memcpy(&value, (const char *)snapshot + quantity->offset, sizeof(value));
    return value;
}
