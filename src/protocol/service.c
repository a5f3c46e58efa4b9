/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/service.h"

#include "base/error.h"
#include "base/printable.h"
#include "base/slice.h"

enum vsa_status vsa_ping_reply_encode(json_t *reply, struct vsa_error *error)
{
    return vsa_json_set(reply, "message", json_string_nocheck("pong"), error);
}

enum vsa_status vsa_ping_reply_decode(const json_t *reply, struct vsa_error *error)
{
    const char *message = json_string_value(json_object_get(reply, "message"));
    if (!message || strcmp(message, "pong") != 0)
        return vsa_fail(error, VSA_ERR_REPLY, "the reply to ping is not \"pong\"");
    return VSA_OK;
}

static json_t *nsm_to_json(const struct vsa_service_status *status)
{
    struct vsa_slice module_id = {0};
    struct vsa_json_writer nsm = vsa_json_object();
    if (status->module_id)
        module_id = vsa_slice_of_text(status->module_id);
    vsa_json_put(&nsm, "module_id", vsa_json_text_or_null(module_id));
    vsa_json_put(&nsm, "reachable", json_boolean(status->nsm_reachable));
    vsa_json_put(&nsm, "age_ms",
                 status->nsm_age_ms >= 0 ? json_integer(status->nsm_age_ms) : json_null());
    return vsa_json_finish(&nsm);
}

enum vsa_status vsa_service_status_encode(const struct vsa_service_status *status, json_t *reply,
                                          struct vsa_error *error)
{
    struct vsa_json_writer writer = vsa_json_extend(reply);
    vsa_json_put(&writer, "status", json_string_nocheck("running"));
    vsa_json_put(&writer, "port", status->port ? json_integer(status->port) : json_null());
    vsa_json_put(&writer, "uptime", json_integer((json_int_t)status->uptime_s));
    vsa_json_put(&writer, "version", json_string(status->version));
    vsa_json_put(&writer, "requests", json_integer((json_int_t)status->requests));
    vsa_json_put(&writer, "errors", json_integer((json_int_t)status->errors));
    vsa_json_put(&writer, "connections", json_integer((json_int_t)status->connections));
    vsa_json_put(&writer, "nsm", nsm_to_json(status));
    return vsa_json_close(&writer, error);
}

static enum vsa_status wrong_type(const char *key, const char *expected, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_REPLY, "\"%s\" of the status reply is not %s", key, expected);
}

static enum vsa_status read_count(const json_t *reply, const char *key, uint64_t *count,
                                  struct vsa_error *error)
{
    const json_t *value = vsa_json_get(reply, key);
    /* Older servers send fractions of a second. */
    double number = json_number_value(value);
    if (!value)
        return VSA_OK;
    if (!json_is_number(value) || number < 0 || number > 9e15)
        return wrong_type(key, "a count", error);
    *count = json_is_integer(value) ? (uint64_t)json_integer_value(value) : (uint64_t)number;
    return VSA_OK;
}

static enum vsa_status read_text(const json_t *reply, const char *key, const char **text,
                                 struct vsa_error *error)
{
    const json_t *value = vsa_json_get(reply, key);
    if (!value)
        return VSA_OK;
    if (!json_is_string(value))
        return wrong_type(key, "a string", error);
    *text = json_string_value(value);
    return VSA_OK;
}

static enum vsa_status read_nsm(const json_t *reply, struct vsa_service_status *status,
                                struct vsa_error *error)
{
    const json_t *nsm = vsa_json_get(reply, "nsm");
    if (!nsm)
        return VSA_OK;
    const json_t *reachable = json_object_get(nsm, "reachable");
    if (!json_is_boolean(reachable))
        return wrong_type("nsm", "an object with \"reachable\"", error);
    status->nsm_reachable = json_is_true(reachable);
    if (vsa_json_get(nsm, "age_ms")) {
        uint64_t age_ms = 0;
        VSA_TRY(read_count(nsm, "age_ms", &age_ms, error));
        status->nsm_age_ms = (int64_t)age_ms;
    }
    return read_text(nsm, "module_id", &status->module_id, error);
}

enum vsa_status vsa_service_status_decode(const json_t *reply, struct vsa_service_status *status,
                                          struct vsa_error *error)
{
    struct vsa_service_status read = {.nsm_age_ms = -1};
    const char *state = NULL;
    uint64_t port = 0;
    VSA_TRY(read_text(reply, "status", &state, error));
    if (!state)
        return wrong_type("status", "there", error);
    VSA_TRY(read_text(reply, "version", &read.version, error));
    VSA_TRY(read_count(reply, "port", &port, error));
    if (port > UINT32_MAX)
        return wrong_type("port", "a port", error);
    read.port = (uint32_t)port;
    VSA_TRY(read_count(reply, "uptime", &read.uptime_s, error));
    VSA_TRY(read_count(reply, "requests", &read.requests, error));
    VSA_TRY(read_count(reply, "errors", &read.errors, error));
    VSA_TRY(read_count(reply, "connections", &read.connections, error));
    VSA_TRY(read_nsm(reply, &read, error));
    *status = read;
    return VSA_OK;
}

static bool is_metric_line(struct vsa_slice line)
{
    static const char *const begins[] = {"vsattest_", "# HELP vsattest_", "# TYPE vsattest_"};
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
        if (line.size > strlen(begins[i]) && memcmp(line.data, begins[i], strlen(begins[i])) == 0)
            return vsa_printable_all(line);
    return false;
}

enum vsa_status vsa_metrics_reply_decode(const json_t *reply, struct vsa_slice *metrics,
                                         struct vsa_error *error)
{
    const json_t *text = json_object_get(reply, "metrics");
    if (!json_is_string(text))
        return vsa_fail(error, VSA_ERR_REPLY, "the reply to metrics has no \"metrics\"");
    struct vsa_slice left = vsa_json_string_slice(text);
    bool good = left.size > 0;
    while (good && left.size > 0) {
        const uint8_t *end = memchr(left.data, '\n', left.size);
        size_t size = end ? (size_t)(end - left.data) : 0;
        good = is_metric_line(vsa_slice_of(left.data, size));
        if (good)
            left = vsa_slice_of(left.data + size + 1, left.size - size - 1);
    }
    if (!good)
        return vsa_fail(error, VSA_ERR_REPLY,
                        "\"metrics\" of the reply is not lines about vsattest_... metrics");
    *metrics = vsa_json_string_slice(text);
    return VSA_OK;
}
