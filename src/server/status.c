/* SPDX-License-Identifier: Apache-2.0 */
#include "server/status.h"

#include "base/error.h"
#include "crypto/version.h"
#include "protocol/json.h"

static json_t *count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *connections(const struct vsa_server_statistics *statistics)
{
    return json_pack("{s:I,s:I,s:I,s:I}", "idle", (json_int_t)statistics->connections_idle, "busy",
                     (json_int_t)statistics->connections_busy, "sending",
                     (json_int_t)statistics->connections_sending, "closing",
                     (json_int_t)statistics->connections_closing);
}

static json_t *latency(const struct vsa_latency_statistics *latency)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "count", (json_int_t)latency->count, "failures",
                     (json_int_t)latency->failures, "p50", (json_int_t)latency->p50_us, "p99",
                     (json_int_t)latency->p99_us, "max", (json_int_t)latency->max_us);
}

static json_t *commands(const struct vsa_server_statistics *statistics)
{
    json_t *all = json_object();
    for (size_t i = 0; i < statistics->command_count; i++) {
        const struct vsa_command_statistics *command = &statistics->commands[i];
        json_t *one = json_pack("{s:I,s:I}", "requests", (json_int_t)command->requests, "errors",
                                (json_int_t)command->errors);
        if (json_object_set_new_nocheck(all, command->name, one) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static json_t *libraries(void)
{
    return json_pack("{s:s,s:s,s:s}", "vsattest", vsa_version(), "libcrypto", vsa_crypto_version(),
                     "jansson", jansson_version_str());
}

static json_t *resident(const struct vsa_process_usage *usage)
{
    return usage->resident_bytes < 0 ? json_null() : json_integer(usage->resident_bytes);
}

static json_t *cpu(const struct vsa_process_usage *usage)
{
    return json_pack("{s:I,s:I}", "user", (json_int_t)(usage->user_us / 1000), "system",
                     (json_int_t)(usage->system_us / 1000));
}

enum vsa_status vsa_service_add_statistics(const struct vsa_server_statistics *statistics,
                                           const struct vsa_process_usage *usage, json_t *reply,
                                           struct vsa_error *error)
{
    const struct {
        const char *name;
        json_t *value;
    } members[] = {
        {"connections_by_state", connections(statistics)},
        {"connections_opened", count(statistics->connections_opened)},
        {"connections_refused", count(statistics->connections_refused)},
        {"in_flight", count(statistics->in_flight)},
        {"queue_depth", count(statistics->queue_depth)},
        {"rate_limited", count(statistics->rate_limited)},
        {"cached", count(statistics->cached)},
        {"coalesced", count(statistics->coalesced)},
        {"nsm_latency_us", latency(&statistics->nsm_latency)},
        {"commands", commands(statistics)},
        {"resident_bytes", resident(usage)},
        {"cpu_ms", cpu(usage)},
        {"libraries", libraries()},
    };
    enum vsa_status status = VSA_OK;
    /* All of them, also after a failure: each is taken over. */
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        enum vsa_status set = vsa_json_set(reply, members[i].name, members[i].value, error);
        status = status == VSA_OK ? set : status;
    }
    return status;
}
