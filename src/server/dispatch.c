/* SPDX-License-Identifier: Apache-2.0 */
#include "server/internal.h"

#include <stdlib.h>

#include "base/monotonic.h"
#include "base/slice.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "server/answer.h"

/* --- bookkeeping ------------------------------------------------------------------------------ */

/* Only for the events' durations. */
static int64_t start_time(const struct vsa_server *server)
{
    return server->options.on_event ? vsa_monotonic_us() : 0;
}

static void count(struct vsa_server *server, const struct vsa_command *command,
                  enum vsa_status status)
{
    struct vsa_statistics *statistics = server->statistics;
    vsa_statistic_up(&statistics->requests);
    if (status != VSA_OK)
        vsa_statistic_up(&statistics->errors);
    if (!command)
        return;
    vsa_statistic_up(&statistics->command_requests[command - server->commands]);
    if (status != VSA_OK)
        vsa_statistic_up(&statistics->command_errors[command - server->commands]);
}

void vsa_dispatch_answered(struct vsa_connection *connection, const struct vsa_command *command,
                           enum vsa_status status, int64_t started_us)
{
    struct vsa_server *server = connection->server;
    connection->answered = true;
    count(server, command, status);
    if (!server->options.on_event)
        return;
    vsa_server_tell(server, (struct vsa_server_event){
                                .kind = VSA_EVENT_REQUEST,
                                .status = status,
                                .connection = connection->number,
                                .command = command ? command->name : NULL,
                                .duration_us = vsa_monotonic_us() - started_us,
                            });
}

enum vsa_status vsa_dispatch_write(struct vsa_connection *connection, enum vsa_status status,
                                   json_t *reply, json_t *id)
{
    size_t size = 0;
    enum vsa_status written = vsa_answer_write(reply, id, vsa_output_reserve(connection), &size);
    vsa_output_commit(connection, size);
    return written == VSA_OK ? status : written;
}

void vsa_dispatch_error(struct vsa_connection *connection, const struct vsa_error *error,
                        json_t *id)
{
    VSA_AUTO_JSON json_t *reply = json_object();
    vsa_answer_error(reply, error);
    (void)vsa_dispatch_write(connection, error->status, reply, id);
}

/* --- requests --------------------------------------------------------------------------------- */

static const struct vsa_command *find_command(const struct vsa_server *server,
                                              struct vsa_slice name)
{
    for (size_t i = 0; i < server->command_count; i++)
        if (&server->commands[i] != server->any &&
            vsa_slice_equal_text(name, server->commands[i].name))
            return &server->commands[i];
    return NULL;
}

/* Who answers requests that name `named`, which is NULL when there is no such command. */
static const struct vsa_command *who_answers(const struct vsa_server *server,
                                             const struct vsa_command *named)
{
    if (server->any && (!named || server->command_parts[named - server->commands].built_in))
        return server->any;
    return named;
}

static void answer_error(const struct vsa_dispatch *request, const struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *reply = json_object();
    vsa_answer_error(reply, error);
    if (error->status == VSA_ERR_UNKNOWN_COMMAND)
        vsa_commands_list(request->connection->server, reply);
    if (error->status == VSA_ERR_RATE_LIMITED &&
        vsa_reply_set_retry_after(reply, request->retry_after_ms, NULL) != VSA_OK)
        (void)json_object_clear(reply); /* found when it is written */
    enum vsa_status status =
        vsa_dispatch_write(request->connection, error->status, reply, request->id);
    vsa_dispatch_answered(request->connection, request->named, status, request->started_us);
}

/* Whether the reply shall be the last one's: then the next few are new again after a while. */
static bool may_repeat(struct vsa_command_parts *parts, int64_t now_ms)
{
    if (now_ms - parts->summary_ms >= VSA_SUMMARY_KEEP_MS) {
        parts->summary_ms = now_ms;
        parts->summaries = 0;
    }
    if (parts->summary && parts->summaries >= VSA_SUMMARIES_NEW)
        return true;
    parts->summaries++;
    return false;
}

/*
 * What the server tells of itself costs much to write, for a request of a few bytes. All ask for
 * the same: those who ask too often get the same.
 */
enum vsa_status vsa_dispatch_run(struct vsa_server *server, const struct vsa_command *command,
                                 const json_t *request, json_t **reply, struct vsa_error *error)
{
    struct vsa_command_parts *parts = &server->command_parts[command - server->commands];
    bool is_summary = parts->is_summary && parts->built_in;
    if (is_summary)
        vsa_jobs_probe(server);
    if (is_summary && may_repeat(parts, server->loop.now_ms)) {
        *reply = json_copy(parts->summary);
        return VSA_OK;
    }
    *reply = json_object();
    enum vsa_status status = vsa_answer_run(command, server, NULL, request, *reply, error);
    if (is_summary) {
        json_decref(parts->summary);
        parts->summary = status == VSA_OK ? json_copy(*reply) : NULL;
    }
    return status;
}

static void answer_now(const struct vsa_dispatch *request)
{
    struct vsa_error error;
    VSA_AUTO_JSON json_t *reply = NULL;
    enum vsa_status status = vsa_dispatch_run(request->connection->server, request->command,
                                              request->object, &reply, &error);
    status = vsa_dispatch_write(request->connection, status, reply, request->id);
    vsa_dispatch_answered(request->connection, request->named, status, request->started_us);
}

static enum vsa_status read_request(struct vsa_dispatch *request, struct vsa_error *error)
{
    const struct vsa_server *server = request->connection->server;
    const char *name = NULL;
    VSA_TRY(vsa_json_parse(request->line, &request->object, error));
    VSA_TRY(vsa_request_id(request->object, &request->id, error));
    VSA_TRY(vsa_request_command(request->object, &name, error));
    if (server->draining)
        return vsa_fail(error, VSA_ERR_SHUTTING_DOWN, "the server is stopping");
    request->named = find_command(server, vsa_slice_of_text(name));
    request->command = who_answers(server, request->named);
    if (!request->command)
        return vsa_fail(error, VSA_ERR_UNKNOWN_COMMAND, "Unknown command");
    if (!request->named)
        request->named = request->command;
    return VSA_OK;
}

/* What it asks the NSM for, if others may ask for the same; else NULL. */
static const uint8_t *sharing_key(const struct vsa_dispatch *request, uint8_t *key)
{
    const struct vsa_server *server = request->connection->server;
    const struct vsa_sharing *sharing =
        server->command_parts[request->command - server->commands].sharing;
    return sharing && sharing->key(request->object, key) ? key : NULL;
}

/* A handler before all commands does not lift the limits of those that it stands for. */
static bool is_rate_limited(const struct vsa_dispatch *request)
{
    return ((request->command->flags | request->named->flags) & VSA_COMMAND_RATE_LIMITED) != 0;
}

static enum vsa_status take_token(struct vsa_dispatch *request, struct vsa_error *error)
{
    struct vsa_connection *connection = request->connection;
    struct vsa_server *server = connection->server;
    if (!is_rate_limited(request))
        return VSA_OK;
    request->retry_after_ms = vsa_rate_limit_take(&server->rate, connection->peer,
                                                  &connection->bucket, server->loop.now_ms);
    if (request->retry_after_ms == 0)
        return VSA_OK;
    vsa_statistic_up(&server->statistics->rate_limited);
    return vsa_fail(error, VSA_ERR_RATE_LIMITED,
                    "more than %lld requests a second; try again in %lld ms",
                    (long long)server->rate.rate, (long long)request->retry_after_ms);
}

static void give_token_back(const struct vsa_dispatch *request)
{
    struct vsa_connection *connection = request->connection;
    struct vsa_server *server = connection->server;
    if (is_rate_limited(request))
        vsa_rate_limit_give_back(&server->rate, connection->peer, &connection->bucket,
                                 server->loop.now_ms);
}

static enum vsa_status start(struct vsa_dispatch *request, struct vsa_error *error)
{
    uint8_t buffer[VSA_SHA384_SIZE];
    const uint8_t *key = sharing_key(request, buffer);
    /* Before the limit, which is for the NSM's sake. */
    if (vsa_jobs_share(request, key))
        return VSA_OK;
    VSA_TRY(take_token(request, error));
    enum vsa_status status = vsa_jobs_start(request, key, error);
    if (status != VSA_OK)
        give_token_back(request);
    return status;
}

static enum vsa_status handle(struct vsa_dispatch *request, struct vsa_error *error)
{
    VSA_TRY(read_request(request, error));
    if (vsa_jobs_in_worker(request->command))
        return start(request, error);
    VSA_TRY(take_token(request, error));
    answer_now(request);
    return VSA_OK;
}

void vsa_dispatch_line(struct vsa_connection *connection, struct vsa_slice line)
{
    struct vsa_error error;
    struct vsa_dispatch request = {.connection = connection, .line = line};
    if (vsa_json_is_blank(line))
        return;
    request.started_us = start_time(connection->server);
    if (handle(&request, &error) != VSA_OK)
        answer_error(&request, &error);
    json_decref(request.object);
}
