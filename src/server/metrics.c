/* SPDX-License-Identifier: Apache-2.0 */
/* Source: Prometheus documentation, "Exposition formats" and "Metric and label naming". */
#include "server/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/builder.h"
#include "base/error.h"
#include "base/slice.h"
#include "crypto/version.h"

/* Ours alone: the textfile collector refuses names that node_exporter itself has (process_...). */
#define PREFIX "vsattest_"

VSA_PRINTF(2, 3) static void put(struct vsa_builder *text, const char *format, ...)
{
    char piece[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    vsa_builder_append(text, vsa_slice_of_text(piece));
}

/* Writes HELP and TYPE; the samples follow. */
static void begin(struct vsa_builder *text, const char *name, const char *type, const char *help)
{
    put(text, "# HELP " PREFIX "%s %s\n", name, help);
    put(text, "# TYPE " PREFIX "%s %s\n", name, type);
}

/*
 * Writes a label. Values that could come from elsewhere (versions, the module ID) are ASCII
 * afterwards.
 */
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

static void sample(struct vsa_builder *text, const char *name, const char *label,
                   const char *label_value, uint64_t value)
{
    put(text, PREFIX "%s", name);
    if (label) {
        put(text, "{");
        put_label(text, label, label_value);
        put(text, "}");
    }
    put(text, " %" PRIu64 "\n", value);
}

/* Writes seconds without zeros at the end, as labels of buckets are: 2500 is "0.0025". */
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

/* --- what there is to tell -------------------------------------------------------------------- */

static void write_build(struct vsa_builder *text)
{
    begin(text, "build_info", "gauge", "Versions of the server and its libraries.");
    put(text, PREFIX "build_info{");
    put_label(text, "version", vsa_version());
    put(text, ",");
    put_label(text, "libcrypto", vsa_crypto_version());
    put(text, ",");
    put_label(text, "jansson", jansson_version_str());
    put(text, "} 1\n");
}

/* Writes a row; those of one metric stand together. A value that is not known is no sample. */
static void write_quantity(struct vsa_builder *text, const struct vsa_quantity *quantity,
                           const struct vsa_snapshot *snapshot)
{
    int64_t value = vsa_quantity_value(quantity, snapshot);
    if (!quantity->metric || value < 0)
        return;
    if (quantity->type)
        begin(text, quantity->metric, quantity->type, quantity->help);
    put(text, PREFIX "%s", quantity->metric);
    if (quantity->label)
        put(text, "{%s}", quantity->label);
    put(text, " ");
    if (quantity->unit == VSA_UNIT_ONE)
        put(text, "%" PRId64, value);
    else
        put_seconds(text, (uint64_t)value * (quantity->unit == VSA_UNIT_MS ? 1000 : 1));
    put(text, "\n");
}

/* Writes a number of each command, `offset` bytes into its statistics, and the rest of `total`. */
static void write_by_command(struct vsa_builder *text, const char *name, const char *help,
                             const struct vsa_server_statistics *statistics, size_t offset,
                             uint64_t total)
{
    uint64_t named = 0;
    begin(text, name, "counter", help);
    for (size_t i = 0; i < statistics->command_count; i++) {
        const struct vsa_command_statistics *command = &statistics->commands[i];
        uint64_t value;
        memcpy(&value, (const char *)command + offset, sizeof(value));
        sample(text, name, "command", command->name, value);
        named += value;
    }
    /* Zero rather than less when requests come in meanwhile. No command's name has brackets. */
    sample(text, name, "command", "(none)", total > named ? total - named : 0);
}

static void write_commands(struct vsa_builder *text, const struct vsa_server_statistics *statistics)
{
    write_by_command(text, "requests_total", "Requests answered, errors included.", statistics,
                     offsetof(struct vsa_command_statistics, requests), statistics->requests);
    write_by_command(text, "request_errors_total", "Requests answered with an error.", statistics,
                     offsetof(struct vsa_command_statistics, errors), statistics->errors);
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
}

static void write_nsm(struct vsa_builder *text, const struct vsa_server_statistics *statistics)
{
    begin(text, "nsm_reachable", "gauge", "Whether the NSM answered last time: 1 or 0.");
    sample(text, "nsm_reachable", NULL, NULL, statistics->nsm_reachable);
    if (statistics->module_id[0]) {
        begin(text, "nsm_info", "gauge", "The NSM.");
        sample(text, "nsm_info", "module_id", statistics->module_id, 1);
    }
    write_duration(text, &statistics->nsm_latency);
}

enum vsa_status vsa_metrics_write(const struct vsa_snapshot *snapshot, char *text, size_t *size,
                                  struct vsa_error *error)
{
    struct vsa_builder builder = vsa_builder_of(text, VSA_MAX_METRICS);
    struct vsa_slice written;
    write_build(&builder);
    for (size_t i = 0; i < vsa_quantity_count; i++)
        write_quantity(&builder, &vsa_quantities[i], snapshot);
    write_commands(&builder, &snapshot->statistics);
    write_nsm(&builder, &snapshot->statistics);
    VSA_TRY(vsa_builder_finish(&builder, &written, error));
    *size = written.size;
    return VSA_OK;
}
