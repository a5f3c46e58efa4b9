/* SPDX-License-Identifier: Apache-2.0 */
/* Source: Prometheus documentation, "Exposition formats" and "Metric and label naming". */
#include "server/status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/builder.h"
#include "base/error.h"
#include "base/slice.h"
#include "crypto/version.h"

/* Ours alone: the textfile collector refuses names that node_exporter itself has (process_...). */
#define PREFIX "vsattest_"

struct label {
    const char *name;
    const char *value;
};

VSA_PRINTF(2, 3) static void put(struct vsa_builder *text, const char *format, ...)
{
    char piece[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    vsa_builder_append(text, vsa_slice_of_text(piece));
}

/* HELP and TYPE; the samples follow. */
static void begin(struct vsa_builder *text, const char *name, const char *type, const char *help)
{
    put(text, "# HELP " PREFIX "%s %s\n", name, help);
    put(text, "# TYPE " PREFIX "%s %s\n", name, type);
}

/* Values that could come from elsewhere (versions, the module ID) are ASCII afterwards. */
static void put_label(struct vsa_builder *text, const char *name, const char *value)
{
    put(text, "%s=\"", name);
    for (const char *c = value; *c; c++) {
        if (*c == '\n')
            put(text, "\\n");
        else if (*c == '"' || *c == '\\')
            put(text, "\\%c", *c);
        else
            vsa_builder_append_byte(text, *c >= 0x20 && *c < 0x7f ? (uint8_t)*c : '?');
    }
    put(text, "\"");
}

static void put_labels(struct vsa_builder *text, const struct label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(text, i == 0 ? "{" : ",");
        put_label(text, labels[i].name, labels[i].value);
    }
    if (count > 0)
        put(text, "}");
}

static void sample(struct vsa_builder *text, const char *name, const char *label,
                   const char *label_value, uint64_t value)
{
    const struct label labels[] = {{label, label_value}};
    put(text, PREFIX "%s", name);
    put_labels(text, labels, label ? 1 : 0);
    put(text, " %" PRIu64 "\n", value);
}

static void gauge(struct vsa_builder *text, const char *name, const char *help, uint64_t value)
{
    begin(text, name, "gauge", help);
    sample(text, name, NULL, NULL, value);
}

static void counter(struct vsa_builder *text, const char *name, const char *help, uint64_t value)
{
    begin(text, name, "counter", help);
    sample(text, name, NULL, NULL, value);
}

/* Without zeros at the end, as labels of buckets are written: 2500 is "0.0025". */
static void put_seconds(struct vsa_builder *text, uint64_t microseconds)
{
    char digits[40];
    int size = snprintf(digits, sizeof(digits), "%" PRIu64 ".%06" PRIu64, microseconds / 1000000,
                        microseconds % 1000000);
    while (size > 1 && digits[size - 1] == '0')
        size--;
    if (digits[size - 1] == '.')
        size--;
    vsa_builder_append(text, vsa_slice_of(digits, (size_t)size));
}

static void put_seconds_sample(struct vsa_builder *text, const char *name, const char *label,
                               const char *label_value, uint64_t microseconds)
{
    const struct label labels[] = {{label, label_value}};
    put(text, PREFIX "%s", name);
    put_labels(text, labels, label ? 1 : 0);
    put(text, " ");
    put_seconds(text, microseconds);
    put(text, "\n");
}

/* --- what there is to tell -------------------------------------------------------------------- */

static void write_build(struct vsa_builder *text, const struct vsa_server_statistics *statistics)
{
    const struct label build[] = {{"version", vsa_version()},
                                  {"libcrypto", vsa_crypto_version()},
                                  {"jansson", jansson_version_str()}};
    begin(text, "build_info", "gauge", "Versions of the server and its libraries.");
    put(text, PREFIX "build_info");
    put_labels(text, build, sizeof(build) / sizeof(build[0]));
    put(text, " 1\n");
    begin(text, "uptime_seconds", "gauge", "Time since the server started.");
    put_seconds_sample(text, "uptime_seconds", NULL, NULL, (uint64_t)statistics->uptime_ms * 1000);
}

/* What names no command of ours; zero rather than less when requests come in meanwhile. */
static uint64_t rest(uint64_t all, uint64_t named)
{
    return all > named ? all - named : 0;
}

static void write_commands(struct vsa_builder *text, const struct vsa_server_statistics *statistics)
{
    static const char nameless[] = "(none)"; /* no command's name has brackets */
    uint64_t requests = 0;
    uint64_t errors = 0;
    begin(text, "requests_total", "counter", "Requests answered, errors included.");
    for (size_t i = 0; i < statistics->command_count; i++) {
        const struct vsa_command_statistics *command = &statistics->commands[i];
        sample(text, "requests_total", "command", command->name, command->requests);
        requests += command->requests;
    }
    sample(text, "requests_total", "command", nameless, rest(statistics->requests, requests));
    begin(text, "request_errors_total", "counter", "Requests answered with an error.");
    for (size_t i = 0; i < statistics->command_count; i++) {
        const struct vsa_command_statistics *command = &statistics->commands[i];
        sample(text, "request_errors_total", "command", command->name, command->errors);
        errors += command->errors;
    }
    sample(text, "request_errors_total", "command", nameless, rest(statistics->errors, errors));
    counter(text, "requests_rate_limited_total", "Requests answered rate_limited.",
            statistics->rate_limited);
    counter(text, "requests_cached_total", "Requests answered from the cache of replies.",
            statistics->cached);
    counter(text, "requests_coalesced_total",
            "Requests that shared the NSM's answer to another one.", statistics->coalesced);
}

static void write_connections(struct vsa_builder *text,
                              const struct vsa_server_statistics *statistics,
                              const struct vsa_server_limits *limits)
{
    begin(text, "connections", "gauge", "Open connections by what they wait for.");
    sample(text, "connections", "state", "idle", statistics->connections_idle);
    sample(text, "connections", "state", "busy", statistics->connections_busy);
    sample(text, "connections", "state", "sending", statistics->connections_sending);
    sample(text, "connections", "state", "closing", statistics->connections_closing);
    gauge(text, "connections_limit", "Connections that may be open.", limits->connections);
    counter(text, "connections_opened_total", "Connections accepted.",
            statistics->connections_opened);
    counter(text, "connections_refused_total", "Connections refused, since too many were open.",
            statistics->connections_refused);
    gauge(text, "requests_in_flight", "Requests accepted and not answered yet.",
          statistics->in_flight);
    gauge(text, "requests_in_flight_limit", "Requests that may be in flight.", limits->in_flight);
}

static void write_duration(struct vsa_builder *text, const struct vsa_latency_statistics *latency)
{
    static const char name[] = "nsm_exchange_duration_seconds";
    begin(text, name, "histogram", "Durations of exchanges with the NSM, failed ones included.");
    for (size_t i = 0; i < VSA_LATENCY_BUCKETS; i++) {
        put(text, PREFIX "%s_bucket{le=\"", name);
        put_seconds(text, latency->buckets[i].upper_us);
        put(text, "\"} %" PRIu64 "\n", latency->buckets[i].count);
    }
    put(text, PREFIX "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, latency->count);
    put(text, PREFIX "%s_sum ", name);
    put_seconds(text, latency->sum_us);
    put(text, "\n" PREFIX "%s_count %" PRIu64 "\n", name, latency->count);
    begin(text, "nsm_exchange_duration_max_seconds", "gauge",
          "The longest exchange with the NSM since the server started.");
    put_seconds_sample(text, "nsm_exchange_duration_max_seconds", NULL, NULL, latency->max_us);
}

static void write_nsm(struct vsa_builder *text, const struct vsa_server_statistics *statistics,
                      const struct vsa_server_limits *limits)
{
    gauge(text, "nsm_reachable", "Whether the NSM answered last time: 1 or 0.",
          statistics->nsm_reachable);
    if (statistics->module_id[0]) {
        begin(text, "nsm_info", "gauge", "The NSM.");
        sample(text, "nsm_info", "module_id", statistics->module_id, 1);
    }
    gauge(text, "nsm_queue_requests", "Requests waiting for the NSM.", statistics->queue_depth);
    gauge(text, "nsm_queue_limit", "Requests that may wait for the NSM.", limits->nsm_queue);
    counter(text, "nsm_exchange_failures_total", "Exchanges with the NSM without an answer.",
            statistics->nsm_latency.failures);
    write_duration(text, &statistics->nsm_latency);
}

static void write_process(struct vsa_builder *text, const struct vsa_process_usage *usage)
{
    if (usage->resident_bytes >= 0)
        gauge(text, "process_resident_memory_bytes", "Resident memory of the process.",
              (uint64_t)usage->resident_bytes);
    begin(text, "process_cpu_seconds_total", "counter", "CPU time of the process.");
    put_seconds_sample(text, "process_cpu_seconds_total", "mode", "user", (uint64_t)usage->user_us);
    put_seconds_sample(text, "process_cpu_seconds_total", "mode", "system",
                       (uint64_t)usage->system_us);
}

enum vsa_status vsa_metrics_write(const struct vsa_server_statistics *statistics,
                                  const struct vsa_process_usage *usage,
                                  const struct vsa_server_limits *limits, char *text, size_t *size,
                                  struct vsa_error *error)
{
    struct vsa_builder builder = vsa_builder_of(text, VSA_MAX_METRICS);
    struct vsa_slice written;
    write_build(&builder, statistics);
    write_commands(&builder, statistics);
    write_connections(&builder, statistics, limits);
    write_nsm(&builder, statistics, limits);
    write_process(&builder, usage);
    VSA_TRY(vsa_builder_finish(&builder, &written, error));
    *size = written.size;
    return VSA_OK;
}
