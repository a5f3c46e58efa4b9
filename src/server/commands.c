/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in commands: rows of the same table as anybody's. */
#include "server/internal.h"

#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/slice.h"
#include "crypto/key.h"
#include "protocol/attest.h"
#include "protocol/request.h"
#include "protocol/service.h"
#include "server/attest_sharing.h"
#include "server/status.h"

/* PKCS#8 of a P-384 key has 185 bytes. */
#define MAX_PRIVATE_KEY 512

static enum vsa_status ping(const struct vsa_command_context *context, const json_t *request,
                            json_t *reply, struct vsa_error *error)
{
    (void)context;
    (void)request;
    return vsa_ping_reply_encode(reply, error);
}

/* In its own thread, where the loop cannot ask it first. One that refuses is there all the same. */
static void ask_nsm(struct vsa_nsm *nsm, struct vsa_server_statistics *statistics)
{
    struct vsa_nsm_description description;
    enum vsa_status status = vsa_nsm_describe(nsm, &description, NULL);
    statistics->nsm_reachable = status == VSA_OK || status == VSA_ERR_NSM;
    statistics->nsm_age_ms = 0;
    if (status == VSA_OK)
        memcpy(statistics->module_id, description.module_id, sizeof(statistics->module_id));
}

static void read_statistics(const struct vsa_command_context *context,
                            struct vsa_server_statistics *statistics)
{
    vsa_server_get_statistics(context->server, statistics);
    if (context->nsm)
        ask_nsm(context->nsm, statistics);
}

static enum vsa_status status(const struct vsa_command_context *context, const json_t *request,
                              json_t *reply, struct vsa_error *error)
{
    struct vsa_server_statistics statistics;
    struct vsa_process_usage usage;
    read_statistics(context, &statistics);
    struct vsa_service_status now = {
        .version = vsa_version(),
        .module_id = statistics.module_id[0] ? statistics.module_id : NULL,
        .uptime_s = (uint64_t)statistics.uptime_ms / 1000,
        .requests = statistics.requests,
        .errors = statistics.errors,
        .connections = statistics.connections,
        .port = context->server->port,
        .nsm_reachable = statistics.nsm_reachable,
        .nsm_age_ms = statistics.nsm_age_ms,
    };
    (void)request;
    vsa_process_read(&usage);
    VSA_TRY(vsa_service_status_encode(&now, reply, error));
    return vsa_service_add_statistics(&statistics, &usage, reply, error);
}

static enum vsa_status metrics(const struct vsa_command_context *context, const json_t *request,
                               json_t *reply, struct vsa_error *error)
{
    const struct vsa_server_options *options = &context->server->options;
    const struct vsa_server_limits limits = {.connections = options->max_connections,
                                             .in_flight = options->max_in_flight,
                                             .nsm_queue = options->max_queue};
    struct vsa_server_statistics statistics;
    struct vsa_process_usage usage;
    size_t size = 0;
    VSA_AUTO_FREE char *text = malloc(VSA_MAX_METRICS);
    (void)request;
    if (!text)
        return vsa_fail_memory(error);
    read_statistics(context, &statistics);
    vsa_process_read(&usage);
    VSA_TRY(vsa_metrics_write(&statistics, &usage, &limits, text, &size, error));
    return vsa_json_set(reply, "metrics", json_stringn(text, size), error);
}

/* --- attest ----------------------------------------------------------------------------------- */

/* Only for the reply's "timestamp", on which nothing rests. */
static uint64_t wall_clock_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum vsa_status hand_over(const struct vsa_server_options *options,
                                 const struct vsa_key *key, struct vsa_slice public_key,
                                 const struct vsa_attest_request *request,
                                 struct vsa_slice document, struct vsa_error *error)
{
    uint8_t buffer[MAX_PRIVATE_KEY];
    struct vsa_slice private_key;
    if (!options->on_key)
        return VSA_OK;
    enum vsa_status result =
        vsa_key_write_private(key, buffer, sizeof(buffer), &private_key, error);
    if (result == VSA_OK) {
        struct vsa_server_key made = {.private_key = private_key,
                                      .public_key = public_key,
                                      .document = document,
                                      .user_data = request->user_data,
                                      .nonce = request->nonce};
        result = options->on_key(options->user, &made);
        if (result != VSA_OK)
            vsa_error_set(error, result, VSA_NO_OFFSET, NULL, "the application refused the key");
    }
    vsa_wipe(buffer, sizeof(buffer));
    return result;
}

static enum vsa_status attest(const struct vsa_command_context *context, const json_t *object,
                              json_t *reply, struct vsa_error *error)
{
    const struct vsa_server *server = context->server;
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request request;
    struct vsa_attest_reply answer = {0};
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    uint8_t spki_buffer[VSA_P384_SPKI_SIZE];
    struct vsa_slice spki = {0};
    VSA_TRY(vsa_attest_request_decode(object, &buffers, &request, error));
    if (request.generate_key) {
        VSA_TRY(vsa_key_generate(VSA_CURVE_P384, &key, error));
        VSA_TRY(vsa_key_write_public(key, spki_buffer, sizeof(spki_buffer), &spki, error));
    }
    VSA_TRY(vsa_nsm_attest(context->nsm, request.user_data, request.nonce, spki, &answer.document,
                           error));
    if (key)
        VSA_TRY(hand_over(&server->options, key, spki, &request, answer.document, error));
    answer.user_data = request.user_data;
    answer.nonce = request.nonce;
    answer.has_public_key = key != NULL;
    answer.timestamp_ms = wall_clock_ms();
    return vsa_attest_reply_encode(&answer, reply, error);
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct vsa_command builtins[] = {
    {VSA_COMMAND_NAME_PING, ping, NULL, 0},
    {VSA_COMMAND_NAME_STATUS, status, NULL, 0},
    {VSA_COMMAND_NAME_ATTEST, attest, NULL, VSA_COMMAND_NSM | VSA_COMMAND_RATE_LIMITED},
    {VSA_COMMAND_NAME_METRICS, metrics, NULL, 0},
};
#define BUILTIN_COUNT (sizeof(builtins) / sizeof(builtins[0]))

enum vsa_status vsa_commands_register(struct vsa_server *server, struct vsa_error *error)
{
    for (size_t i = 0; i < BUILTIN_COUNT; i++)
        VSA_TRY(vsa_server_add_command(server, &builtins[i], true, error));
    for (size_t i = 0; i < BUILTIN_COUNT; i++) {
        server->command_parts[i].is_summary =
            server->commands[i].handler == status || server->commands[i].handler == metrics;
        if (server->commands[i].handler == attest)
            server->command_parts[i].sharing = &vsa_attest_sharing;
    }
    return VSA_OK;
}

void vsa_commands_list(const struct vsa_server *server, json_t *reply)
{
    json_t *names = json_array();
    for (size_t i = 0; i < server->command_count; i++)
        if (&server->commands[i] != server->any)
            (void)json_array_append_new(names, json_string_nocheck(server->commands[i].name));
    (void)json_object_set_new_nocheck(reply, "available_commands", names);
}

enum vsa_status vsa_server_run_builtin(const struct vsa_command_context *context,
                                       const json_t *request, json_t *reply,
                                       struct vsa_error *error)
{
    const char *name = NULL;
    size_t i = 0;
    VSA_TRY(vsa_request_command(request, &name, error));
    while (i < BUILTIN_COUNT && strcmp(builtins[i].name, name) != 0)
        i++;
    if (i == BUILTIN_COUNT)
        return vsa_fail(error, VSA_ERR_UNKNOWN_COMMAND, "Unknown command");
    if ((builtins[i].flags & VSA_COMMAND_NSM) && !context->nsm)
        return vsa_fail(error, VSA_ERR_NSM_UNREACHABLE, "there is no NSM to carry out \"%s\"",
                        name);
    return builtins[i].handler(context, request, reply, error);
}
