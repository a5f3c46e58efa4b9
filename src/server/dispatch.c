/* SPDX-License-Identifier: Apache-2.0 */
#include "server/internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "base/builder.h"
#include "base/slice.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "protocol/scan.h"
#include "server/answer.h"

struct vsa_job *vsa_job_of(struct vsa_deadline *entry)
{
    return (struct vsa_job *)(void *)((char *)entry - offsetof(struct vsa_job, deadline));
}

/* --- bookkeeping ------------------------------------------------------------------------------ */

/* Only for the events' durations. */
static int64_t now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t start_time(const struct vsa_server *server)
{
    return server->options.on_event ? now_ns() : 0;
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

static void answered(struct vsa_connection *connection, const struct vsa_command *command,
                     enum vsa_status status, int64_t started_ns)
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
                                .duration_us = (now_ns() - started_ns) / 1000,
                            });
}

static void write_reply(struct vsa_connection *connection, json_t *reply, json_t *id)
{
    char *line = vsa_output_reserve(connection);
    vsa_output_commit(connection, vsa_answer_write(reply, id, line));
}

void vsa_dispatch_error(struct vsa_connection *connection, const struct vsa_error *error,
                        json_t *id)
{
    VSA_AUTO_JSON json_t *reply = json_object();
    vsa_answer_error(reply, error);
    write_reply(connection, reply, id);
}

/* --- requests --------------------------------------------------------------------------------- */

/* A request on its way through the loop. */
struct request {
    struct vsa_connection *connection;
    struct vsa_slice line;
    json_t *object;
    json_t *id;                        /* borrowed from `object`, or NULL */
    const struct vsa_command *command; /* that answers it */
    const struct vsa_command *named;   /* as what it is counted and told: mostly the same */
    int64_t started_ns;
};

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

static void answer_error(const struct request *request, const struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *reply = json_object();
    vsa_answer_error(reply, error);
    if (error->status == VSA_ERR_UNKNOWN_COMMAND)
        vsa_commands_list(request->connection->server, reply);
    write_reply(request->connection, reply, request->id);
    answered(request->connection, request->named, error->status, request->started_ns);
}

static void answer_now(const struct request *request)
{
    struct vsa_error error;
    VSA_AUTO_JSON json_t *reply = json_object();
    enum vsa_status status = vsa_answer_run(request->command, request->connection->server, NULL,
                                            request->object, reply, &error);
    write_reply(request->connection, reply, request->id);
    answered(request->connection, request->named, status, request->started_ns);
}

static bool in_worker(const struct vsa_command *command)
{
    return (command->flags & (VSA_COMMAND_NSM | VSA_COMMAND_BLOCKING)) != 0;
}

static void free_job(struct vsa_server *server, struct vsa_job *job)
{
    vsa_buffer_consume(&job->text, &server->budget, job->text.size);
    vsa_job_free(job);
}

static enum vsa_status fill_job(struct vsa_server *server, const struct request *request,
                                struct vsa_job *job, struct vsa_error *error)
{
    job->connection = request->connection;
    job->command = request->command;
    job->named = request->named;
    job->server = server;
    job->id = json_deep_copy(request->id);
    job->started_ns = request->started_ns;
    job->in_worker = in_worker(request->command);
    if (!vsa_buffer_append(&job->text, &server->budget, (const char *)request->line.data,
                           request->line.size))
        return vsa_fail(error, VSA_ERR_BUSY, VSA_NO_OFFSET, NULL,
                        "too many unfinished requests; try again later");
    return job->in_worker ? vsa_worker_submit(server->worker, job, error) : VSA_OK;
}

static bool is_full(const struct vsa_server *server)
{
    return vsa_statistic_get(&server->statistics->in_flight) >= server->options.max_in_flight;
}

static enum vsa_status start_job(const struct request *request, struct vsa_error *error)
{
    struct vsa_connection *connection = request->connection;
    struct vsa_server *server = connection->server;
    if (is_full(server))
        return vsa_fail(error, VSA_ERR_BUSY, VSA_NO_OFFSET, NULL,
                        "%zu requests are in flight already; try again later",
                        server->options.max_in_flight);
    struct vsa_job *job = vsa_job_new();
    if (!job)
        return vsa_fail(error, VSA_ERR_MEMORY, VSA_NO_OFFSET, NULL, "out of memory");
    enum vsa_status status = fill_job(server, request, job, error);
    if (status != VSA_OK) {
        free_job(server, job);
        return status;
    }
    if (job->in_worker) {
        vsa_server_limit(server, &server->requests, &job->deadline);
    } else {
        vsa_server_limit(server, &server->awaiting, &job->deadline);
        vsa_nsm_state_probe(server);
    }
    connection->job = job;
    vsa_statistic_up(&server->statistics->in_flight);
    return VSA_OK;
}

static enum vsa_status read_request(struct request *request, struct vsa_error *error)
{
    const struct vsa_server *server = request->connection->server;
    const char *name = NULL;
    VSA_TRY(vsa_json_parse(request->line, &request->object, error));
    VSA_TRY(vsa_request_id(request->object, &request->id, error));
    VSA_TRY(vsa_request_command(request->object, &name, error));
    if (server->draining)
        return vsa_fail(error, VSA_ERR_SHUTTING_DOWN, VSA_NO_OFFSET, NULL,
                        "the server is stopping");
    request->named = find_command(server, vsa_slice_of_text(name));
    request->command = who_answers(server, request->named);
    if (!request->command)
        return vsa_fail(error, VSA_ERR_UNKNOWN_COMMAND, VSA_NO_OFFSET, NULL, "Unknown command");
    if (!request->named)
        request->named = request->command;
    return VSA_OK;
}

/* A server that is full tells what it knows: who watches it should not be told "busy". */
static bool needs_news(const struct vsa_server *server, const struct vsa_command *command)
{
    return (command->flags & VSA_COMMAND_NSM_STATE) && !vsa_nsm_state_fresh(server) &&
           !is_full(server);
}

static enum vsa_status handle(struct request *request, struct vsa_error *error)
{
    VSA_TRY(read_request(request, error));
    if (in_worker(request->command) || needs_news(request->connection->server, request->command))
        return start_job(request, error);
    answer_now(request);
    return VSA_OK;
}

/* --- constant commands ------------------------------------------------------------------------ */

static enum vsa_status prepare(struct vsa_server *server, size_t index, struct vsa_error *error)
{
    const struct vsa_command *command = &server->commands[index];
    struct vsa_command_parts *parts = &server->command_parts[index];
    char *scratch = server->output_scratch;
    struct vsa_error failure;
    VSA_AUTO_JSON json_t *request = vsa_request_new(command->name);
    VSA_AUTO_JSON json_t *reply = json_object();
    /* One that fails is asked again at every request. */
    if (vsa_answer_run(command, server, NULL, request, reply, &failure) != VSA_OK)
        return VSA_OK;
    size_t size = vsa_answer_write(reply, NULL, scratch) - strlen("}\n");
    if (size + VSA_MAX_REQUEST_ID + strlen(",\"id\":\"\"}\n") > VSA_MAX_REPLY_LINE)
        return VSA_OK; /* too large with some `id`: that needs the long way */
    parts->constant = malloc(size);
    if (!parts->constant)
        return vsa_fail(error, VSA_ERR_MEMORY, VSA_NO_OFFSET, NULL, "out of memory");
    memcpy(parts->constant, scratch, size);
    parts->constant_size = size;
    return VSA_OK;
}

enum vsa_status vsa_dispatch_prepare(struct vsa_server *server, struct vsa_error *error)
{
    for (size_t i = 0; i < server->command_count; i++)
        if (server->commands[i].flags == VSA_COMMAND_CONSTANT)
            VSA_TRY(prepare(server, i, error));
    return VSA_OK;
}

static void write_constant(struct vsa_connection *connection, const struct vsa_command_parts *parts,
                           struct vsa_slice id)
{
    struct vsa_builder line = vsa_builder_of(vsa_output_reserve(connection), VSA_MAX_REPLY_LINE);
    vsa_builder_append(&line, vsa_slice_of(parts->constant, parts->constant_size));
    if (id.data) {
        vsa_builder_append(&line, vsa_slice_of_text(",\"id\":"));
        vsa_builder_append(&line, id);
    }
    vsa_builder_append(&line, vsa_slice_of_text("}\n"));
    vsa_output_commit(connection, line.size); /* prepare() saw to it that it fits */
}

/* Answers a plain request for a constant command; false for all others. */
static bool answer_constant(struct vsa_connection *connection, struct vsa_slice line)
{
    const struct vsa_server *server = connection->server;
    struct vsa_request_scan scan;
    if (server->draining || !vsa_request_scan(line, &scan))
        return false;
    const struct vsa_command *command = find_command(server, scan.command);
    if (!command || who_answers(server, command) != command ||
        command->flags != VSA_COMMAND_CONSTANT)
        return false;
    const struct vsa_command_parts *parts = &server->command_parts[command - server->commands];
    if (!parts->constant)
        return false;
    int64_t started_ns = start_time(server);
    write_constant(connection, parts, scan.id);
    answered(connection, command, VSA_OK, started_ns);
    return true;
}

void vsa_dispatch_line(struct vsa_connection *connection, struct vsa_slice line)
{
    struct vsa_error error;
    struct request request = {.connection = connection, .line = line};
    if (vsa_json_is_blank(line) || answer_constant(connection, line))
        return;
    request.started_ns = start_time(connection->server);
    if (handle(&request, &error) != VSA_OK)
        answer_error(&request, &error);
    json_decref(request.object);
}

/* --- jobs ------------------------------------------------------------------------------------- */

/*
 * The job's connection has its answer in the output and goes on. Reads nothing of the job that
 * the worker may be writing.
 */
static void detach(struct vsa_job *job, enum vsa_status status)
{
    struct vsa_connection *connection = job->connection;
    vsa_deadlines_remove(&job->deadline);
    job->connection = NULL;
    vsa_statistic_down(&connection->server->statistics->in_flight);
    answered(connection, job->named, status, job->started_ns);
    vsa_connection_complete(connection);
}

static void fail_job(struct vsa_job *job, const struct vsa_error *error)
{
    vsa_dispatch_error(job->connection, error, job->id);
    detach(job, error->status);
}

void vsa_dispatch_run_job(struct vsa_job *job)
{
    struct vsa_error error;
    struct vsa_server *server = job->connection->server;
    VSA_AUTO_JSON json_t *reply = json_object();
    VSA_AUTO_JSON json_t *request = NULL;
    enum vsa_status status =
        vsa_json_parse(vsa_slice_of(job->text.data, job->text.size), &request, &error);
    if (status == VSA_OK)
        status = vsa_answer_run(job->command, server, NULL, request, reply, &error);
    else
        vsa_answer_error(reply, &error);
    write_reply(job->connection, reply, job->id);
    detach(job, status);
    free_job(server, job);
}

void vsa_dispatch_abandon(struct vsa_connection *connection)
{
    struct vsa_job *job = connection->job;
    connection->job = NULL;
    if (!job)
        return;
    job->connection = NULL;
    vsa_statistic_down(&connection->server->statistics->in_flight);
    vsa_deadlines_remove(&job->deadline);
    /* One that the NSM works on comes back later, and is freed then. */
    if (!job->in_worker || vsa_worker_cancel(connection->server->worker, job))
        free_job(connection->server, job);
}

void vsa_dispatch_give_up(struct vsa_server *server, struct vsa_job *job,
                          const struct vsa_error *error)
{
    /* Either the worker never sees it, or it brings back what nobody waits for. */
    bool is_ours = !job->in_worker || vsa_worker_cancel(server->worker, job);
    fail_job(job, error);
    if (is_ours)
        free_job(server, job);
}

void vsa_dispatch_request_expired(void *user, struct vsa_deadline *entry)
{
    struct vsa_error error;
    vsa_error_set(&error, VSA_ERR_TIMEOUT, VSA_NO_OFFSET, NULL, "no answer of the NSM in time");
    vsa_dispatch_give_up(user, vsa_job_of(entry), &error);
}

static void collect_one(struct vsa_server *server, struct vsa_job *job)
{
    if (!job->command) {
        vsa_nsm_state_probed(server, job);
        return;
    }
    vsa_nsm_state_heard(server, job);
    if (!job->connection)
        return;
    if (!job->line) {
        vsa_error_set(&job->error, VSA_ERR_MEMORY, VSA_NO_OFFSET, NULL, "out of memory");
        fail_job(job, &job->error);
        return;
    }
    memcpy(vsa_output_reserve(job->connection), job->line, job->line_size);
    vsa_output_commit(job->connection, job->line_size);
    detach(job, job->status);
}

void vsa_dispatch_collect(struct vsa_server *server)
{
    struct vsa_job *job = vsa_worker_collect(server->worker);
    while (job) {
        struct vsa_job *next = job->next;
        collect_one(server, job);
        free_job(server, job);
        job = next;
    }
}
