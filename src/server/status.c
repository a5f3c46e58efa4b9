/* SPDX-License-Identifier: Apache-2.0 */
#include "server/status.h"

#include <jansson.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/monotonic.h"
#include "crypto/version.h"
#include "protocol/json.h"

/* --- reading ---------------------------------------------------------------------------------- */

void vsa_statistics_read(const struct vsa_requests *all, struct vsa_server_statistics *statistics)
{
    const vsa_counter *states = all->streams->states;
    int64_t now_ms = vsa_monotonic_ms();
    vsa_counters_read(&all->counters, now_ms, statistics);
    vsa_nsm_health_read(all->health, now_ms, statistics);
    statistics->connections_idle =
        vsa_counter_get(&states[VSA_STATE_READING]) + vsa_counter_get(&states[VSA_STATE_RUNNABLE]);
    statistics->connections_busy = vsa_counter_get(&states[VSA_STATE_SUSPENDED]);
    statistics->connections_sending = vsa_counter_get(&states[VSA_STATE_SENDING]);
    statistics->connections_closing = vsa_counter_get(&states[VSA_STATE_LINGERING]);
    statistics->connections = statistics->connections_idle + statistics->connections_busy +
                              statistics->connections_sending + statistics->connections_closing;
    statistics->buffered_bytes = vsa_counter_get(&all->streams->budget.used);
    statistics->sealing_age_ms = -1;
    if (all->sealing) {
        const struct vsa_seal_keys *keys = &all->sealing->keys;
        statistics->sealing_kem = keys->suite->kem;
        statistics->sealing_key_id = vsa_counter_get(&keys->key_id);
        statistics->sealing_age_ms = now_ms - (int64_t)vsa_counter_get(&keys->begun_ms);
        statistics->sealing_uses = vsa_counter_get(&keys->uses);
        statistics->sealed_rotated_early = vsa_counter_get(&keys->rotated_early);
    }
    statistics->command_count = all->table.count;
    for (size_t i = 0; i < all->table.count; i++)
        statistics->commands[i].name = all->table.rows[i].name;
}

void vsa_snapshot_take(const struct vsa_requests *all, struct vsa_snapshot *snapshot)
{
    const struct vsa_server_options *options = all->options;
    snapshot->max_connections = options->max_connections;
    snapshot->max_in_flight = options->max_in_flight;
    snapshot->max_queue = options->max_queue;
    snapshot->max_buffered = options->max_buffered;
    vsa_statistics_read(all, &snapshot->statistics);
    vsa_process_read(&snapshot->usage);
}

/* --- the table -------------------------------------------------------------------------------- */

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

/* --- as JSON ---------------------------------------------------------------------------------- */

/* Returns member `name` of the reply, an object, borrowed; creates it if there is none. */
static json_t *group(json_t *reply, struct vsa_json_writer *writer, const char *name)
{
    if (!name)
        return reply;
    if (!json_object_get(reply, name))
        vsa_json_put(writer, name, json_object());
    return json_object_get(reply, name);
}

static json_t *value_of(const struct vsa_quantity *quantity, const struct vsa_snapshot *snapshot)
{
    int64_t value = vsa_quantity_value(quantity, snapshot);
    if (value < 0)
        return json_null();
    return json_integer(quantity->unit == VSA_UNIT_US_MS ? value / 1000 : value);
}

static json_t *commands(const struct vsa_server_statistics *statistics)
{
    struct vsa_json_writer all = vsa_json_object();
    for (size_t i = 0; i < statistics->command_count; i++) {
        const struct vsa_command_statistics *command = &statistics->commands[i];
        vsa_json_put(&all, command->name,
                     json_pack("{s:I,s:I}", "requests", (json_int_t)command->requests, "errors",
                               (json_int_t)command->errors));
    }
    return vsa_json_finish(&all);
}

static json_t *libraries(void)
{
    return json_pack("{s:s,s:s,s:s}", "vsattest", vsa_version(), "libcrypto", vsa_crypto_version(),
                     "jansson", jansson_version_str());
}

/* Returns null for a server that takes no sealed requests. */
static json_t *sealing(const struct vsa_server_statistics *statistics)
{
    const char *suite = statistics->sealing_kem == VSA_SEALING_P384 ? "p384" : "x25519";
    if (statistics->sealing_kem == 0)
        return json_null();
    return json_pack("{s:s,s:I,s:I,s:I}", "suite", suite, "key_id",
                     (json_int_t)statistics->sealing_key_id, "age_ms",
                     (json_int_t)statistics->sealing_age_ms, "uses",
                     (json_int_t)statistics->sealing_uses);
}

enum vsa_status vsa_service_add_statistics(const struct vsa_snapshot *snapshot, json_t *reply,
                                           struct vsa_error *error)
{
    struct vsa_json_writer writer = vsa_json_extend(reply);
    for (size_t i = 0; i < vsa_quantity_count; i++) {
        const struct vsa_quantity *quantity = &vsa_quantities[i];
        json_t *object = quantity->member ? group(reply, &writer, quantity->group) : NULL;
        if (object == reply)
            vsa_json_put(&writer, quantity->member, value_of(quantity, snapshot));
        else if (object && json_object_set_new_nocheck(object, quantity->member,
                                                       value_of(quantity, snapshot)) != 0)
            vsa_json_put(&writer, quantity->member, NULL); /* memory was short */
    }
    vsa_json_put(&writer, "commands", commands(&snapshot->statistics));
    vsa_json_put(&writer, "sealing", sealing(&snapshot->statistics));
    vsa_json_put(&writer, "libraries", libraries());
    return vsa_json_close(&writer, error);
}
