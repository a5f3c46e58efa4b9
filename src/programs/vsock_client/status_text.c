/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/status_text.h"

/*
 * A server's status for people. Only what every server reports is checked by the protocol's
 * decoder; of the rest each line is printed if all that it needs is there and of the right type.
 */
#include <inttypes.h>

#include "base/error.h"
#include "command_line/output.h"
#include "protocol/service.h"

#define MIB (1024.0 * 1024.0)

static void put_text(const char *text)
{
    output_text(stdout, vsa_slice_of_text(text));
}

/* Reads `count` integers, none below 0, by their keys; false unless all are there. */
static bool counts(const json_t *object, const char *const *keys, size_t count, json_int_t *values)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, keys[i]);
        values[i] = json_integer_value(value);
        if (!json_is_integer(value) || values[i] < 0)
            return false;
    }
    return true;
}

static double thousandth(json_int_t value)
{
    return (double)value / 1000.0;
}

static void print_version(const json_t *reply, const struct vsa_service_status *status)
{
    const json_t *libraries = json_object_get(reply, "libraries");
    const char *libcrypto = json_string_value(json_object_get(libraries, "libcrypto"));
    const char *jansson = json_string_value(json_object_get(libraries, "jansson"));
    if (!status->version)
        return;
    (void)fputs("  version      ", stdout);
    put_text(status->version);
    if (libcrypto && jansson) {
        (void)fputs(" with ", stdout);
        put_text(libcrypto);
        (void)fputs(", jansson ", stdout);
        put_text(jansson);
    }
    (void)fputc('\n', stdout);
}

/* Prints commands with requests. */
static void print_commands(const json_t *reply)
{
    static const char *const keys[] = {"requests", "errors"};
    json_t *commands = json_object_get(reply, "commands");
    const char *name;
    json_t *command;
    json_int_t values[2];
    json_object_foreach(commands, name, command)
    {
        if (!counts(command, keys, 2, values) || values[0] == 0)
            continue;
        (void)fputs("    ", stdout);
        put_text(name);
        (void)printf("%*s %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT " of them failed\n",
                     strlen(name) < 10 ? 10 - (int)strlen(name) : 0, "", values[0], values[1]);
    }
}

static void print_connections(const json_t *reply, const struct vsa_service_status *status)
{
    static const char *const keys[] = {"idle", "busy", "sending", "closing"};
    static const char *const sums[] = {"connections_opened", "connections_refused"};
    json_int_t values[4];
    const char *separator = ": ";
    (void)printf("  connections  %" PRIu64, status->connections);
    if (counts(json_object_get(reply, "connections_by_state"), keys, 4, values))
        for (size_t i = 0; i < 4; i++) {
            if (!values[i])
                continue;
            (void)printf("%s%" JSON_INTEGER_FORMAT " %s", separator, values[i], keys[i]);
            separator = ", ";
        }
    if (counts(reply, sums, 2, values))
        (void)printf("; %" JSON_INTEGER_FORMAT " opened, %" JSON_INTEGER_FORMAT " refused",
                     values[0], values[1]);
    (void)fputc('\n', stdout);
}

static void print_nsm(const json_t *reply, const struct vsa_service_status *status)
{
    static const char *const keys[] = {"p50", "p99", "max", "count", "failures"};
    json_int_t values[5];
    (void)printf("  NSM          %s", status->nsm_reachable ? "reachable" : "not reachable");
    if (status->module_id) {
        (void)fputs(", module ID ", stdout);
        put_text(status->module_id);
    }
    (void)fputc('\n', stdout);
    if (counts(json_object_get(reply, "nsm_latency_us"), keys, 5, values))
        (void)printf("  NSM latency  p50 %.1f ms, p99 %.1f ms, max %.1f ms "
                     "(%" JSON_INTEGER_FORMAT " exchanges, %" JSON_INTEGER_FORMAT " failed)\n",
                     thousandth(values[0]), thousandth(values[1]), thousandth(values[2]), values[3],
                     values[4]);
}

static void print_load(const json_t *reply)
{
    static const char *const keys[] = {"in_flight", "queue_depth", "rate_limited", "cached",
                                       "coalesced"};
    json_int_t values[5];
    if (!counts(reply, keys, 5, values))
        return;
    (void)printf("  waiting      %" JSON_INTEGER_FORMAT " in flight, %" JSON_INTEGER_FORMAT
                 " of them in the NSM's queue\n"
                 "  avoided      %" JSON_INTEGER_FORMAT " rate-limited, %" JSON_INTEGER_FORMAT
                 " cached, %" JSON_INTEGER_FORMAT " coalesced calls of the NSM\n",
                 values[0], values[1], values[2], values[3], values[4]);
}

static void print_process(const json_t *reply)
{
    static const char *const memory[] = {"resident_bytes"};
    static const char *const cpu[] = {"user", "system"};
    json_int_t values[2];
    if (counts(reply, memory, 1, values))
        (void)printf("  memory       %.1f MiB\n", (double)values[0] / MIB);
    if (counts(json_object_get(reply, "cpu_ms"), cpu, 2, values))
        (void)printf("  CPU time     %.2f s user, %.2f s system\n", thousandth(values[0]),
                     thousandth(values[1]));
}

enum vsa_status client_status_text(const json_t *reply, struct vsa_error *error)
{
    struct vsa_service_status status;
    VSA_TRY(vsa_service_status_decode(reply, &status, error));
    (void)printf("Status: running for %" PRIu64 " s\n", status.uptime_s);
    print_version(reply, &status);
    if (status.port)
        (void)printf("  port         %" PRIu32 "\n", status.port);
    (void)printf("  requests     %" PRIu64 ", %" PRIu64 " of them failed\n", status.requests,
                 status.errors);
    print_commands(reply);
    print_connections(reply, &status);
    print_load(reply);
    print_nsm(reply, &status);
    print_process(reply);
    return VSA_OK;
}
