/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that wait. Each has a waiter, which is its connection's; what they wait for is a job,
 * and several may wait for the same. A job that nobody waits for any more is taken back from the
 * NSM's thread, or, if that works on it, freed when it is done.
 */
#include "server/internal.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/builder.h"
#include "base/slice.h"
#include "protocol/json.h"
#include "server/answer.h"

struct vsa_waiter *vsa_waiter_of(struct vsa_deadline *entry)
{
    return (struct vsa_waiter *)(void *)((char *)entry - offsetof(struct vsa_waiter, deadline));
}

static bool has_cache(const struct vsa_server *server)
{
    return server->options.cache_ttl_ms > 0;
}

/* --- jobs that others may join ---------------------------------------------------------------- */

static void stop_sharing(struct vsa_server *server, struct vsa_job *job)
{
    struct vsa_job **link = &server->shared;
    if (!job->shared)
        return;
    while (*link != job)
        link = &(*link)->next_shared;
    *link = job->next_shared;
    job->shared = false;
}

static void start_sharing(struct vsa_server *server, struct vsa_job *job, const uint8_t *key)
{
    memcpy(job->key, key, sizeof(job->key));
    job->sharing = server->command_parts[job->command - server->commands].sharing;
    job->wants_keep_ms = has_cache(server);
    job->shared = true;
    job->next_shared = server->shared;
    server->shared = job;
}

static struct vsa_job *find_shared(const struct vsa_server *server, const uint8_t *key)
{
    struct vsa_job *job = server->shared;
    while (job && memcmp(job->key, key, sizeof(job->key)) != 0)
        job = job->next_shared;
    return job;
}

static void free_job(struct vsa_server *server, struct vsa_job *job)
{
    stop_sharing(server, job);
    vsa_budget_refund(&server->budget, job->text.size);
    vsa_buffer_drop(&job->text, job->text.size);
    vsa_job_free(job);
}

/* --- waiters ---------------------------------------------------------------------------------- */

static struct vsa_waiter *new_waiter(const struct vsa_dispatch *request)
{
    struct vsa_waiter *waiter = calloc(1, sizeof(*waiter));
    if (!waiter)
        return NULL;
    waiter->connection = request->connection;
    waiter->named = request->named;
    waiter->started_us = request->started_us;
    waiter->id = json_incref(request->id);
    return waiter;
}

static void free_waiter(struct vsa_waiter *waiter)
{
    json_decref(waiter->id);
    free(waiter);
}

static void wait_for(struct vsa_waiter *waiter, struct vsa_job *job)
{
    struct vsa_connection *connection = waiter->connection;
    struct vsa_server *server = connection->server;
    waiter->job = job;
    waiter->next = job->waiters;
    if (job->waiters)
        job->waiters->previous = waiter;
    job->waiters = waiter;
    vsa_server_limit(server, &server->requests, &waiter->deadline);
    connection->waiter = waiter;
    vsa_statistic_up(&server->statistics->in_flight);
}

/* Frees the waiter, and its job if nobody else waits for that and the worker does not have it. */
static void leave(struct vsa_waiter *waiter)
{
    struct vsa_job *job = waiter->job;
    struct vsa_server *server = waiter->connection->server;
    *(waiter->previous ? &waiter->previous->next : &job->waiters) = waiter->next;
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    vsa_deadlines_remove(&waiter->deadline);
    waiter->connection->waiter = NULL;
    vsa_statistic_down(&server->statistics->in_flight);
    free_waiter(waiter);
    if (!job->waiters && vsa_worker_cancel(server->worker, job))
        free_job(server, job);
}

/* The connection has its answer in the turn's output and goes on. The waiter is gone then. */
static void finish(struct vsa_waiter *waiter, enum vsa_status status)
{
    struct vsa_connection *connection = waiter->connection;
    const struct vsa_command *named = waiter->named;
    int64_t started_us = waiter->started_us;
    leave(waiter);
    vsa_dispatch_answered(connection, named, status, started_us);
    vsa_connection_complete(connection);
}

void vsa_jobs_abandon(struct vsa_connection *connection)
{
    if (connection->waiter)
        leave(connection->waiter);
}

void vsa_jobs_give_up(struct vsa_waiter *waiter, const struct vsa_error *error)
{
    vsa_dispatch_error(waiter->connection, error, waiter->id);
    finish(waiter, error->status);
}

void vsa_jobs_request_expired(void *user, struct vsa_deadline *entry)
{
    struct vsa_error error;
    (void)user;
    vsa_error_set(&error, VSA_ERR_TIMEOUT, VSA_NO_OFFSET, NULL, "no answer of the NSM in time");
    vsa_jobs_give_up(vsa_waiter_of(entry), &error);
}

/* Who is told "shutting_down" asks again: only what was not carried out gets that. */
void vsa_jobs_shut_down(struct vsa_waiter *waiter)
{
    struct vsa_error error;
    const struct vsa_job *job = waiter->job;
    if (vsa_worker_has_begun(job->server->worker, job))
        vsa_error_set(&error, VSA_ERR_TIMEOUT, VSA_NO_OFFSET, NULL,
                      "the server stopped before the request was done");
    else
        vsa_error_set(&error, VSA_ERR_SHUTTING_DOWN, VSA_NO_OFFSET, NULL, "the server is stopping");
    vsa_jobs_give_up(waiter, &error);
}

/* --- replies ---------------------------------------------------------------------------------- */

static void append_text(struct vsa_builder *builder, const char *text)
{
    vsa_builder_append(builder, vsa_slice_of_text(text));
}

/* False when memory is short. */
static bool append_id(struct vsa_builder *builder, const json_t *id)
{
    /* Each byte of a string may become \u00xx. */
    char text[6 * VSA_MAX_REQUEST_ID + 2];
    if (!id)
        return true;
    size_t size = json_dumpb(id, text, sizeof(text), JSON_COMPACT | JSON_ENCODE_ANY);
    append_text(builder, ",\"id\":");
    vsa_builder_append(builder, vsa_slice_of(text, size));
    return size > 0;
}

static enum vsa_status build_line(struct vsa_builder *builder, struct vsa_slice line,
                                  const char *more, const json_t *id, struct vsa_error *error)
{
    line.size -= strlen("}\n");
    vsa_builder_append(builder, line);
    append_text(builder, more);
    if (!append_id(builder, id))
        return vsa_fail_memory(error);
    append_text(builder, "}\n");
    if (builder->overflow)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "the reply is larger than %d bytes",
                        VSA_MAX_REPLY_LINE);
    return VSA_OK;
}

/* `line` is a reply as it was written; what belongs to this request is added to it. */
static enum vsa_status write_line(struct vsa_connection *connection, struct vsa_slice line,
                                  const char *more, json_t *id)
{
    struct vsa_error error;
    struct vsa_builder builder = vsa_builder_of(vsa_output_reserve(connection), VSA_MAX_REPLY_LINE);
    enum vsa_status status = build_line(&builder, line, more, id, &error);
    if (status == VSA_OK)
        vsa_output_commit(connection, builder.size);
    else
        vsa_dispatch_error(connection, &error, id);
    return status;
}

/* Of a server with a cache, replies that it may have come from say whether they do. */
static const char *freshness(const struct vsa_server *server, const struct vsa_job *job)
{
    bool told = has_cache(server) && job->status == VSA_OK &&
                server->command_parts[job->command - server->commands].sharing;
    return told ? ",\"cached\":false,\"age_ms\":0" : "";
}

static void answer(struct vsa_waiter *waiter, struct vsa_job *job)
{
    struct vsa_connection *connection = waiter->connection;
    if (!job->line) {
        vsa_jobs_give_up(waiter, &job->error);
        return;
    }
    enum vsa_status written = write_line(connection, vsa_slice_of(job->line, job->line_size),
                                         freshness(connection->server, job), waiter->id);
    finish(waiter, written == VSA_OK ? job->status : written);
}

static void keep(struct vsa_server *server, const struct vsa_job *job)
{
    int64_t keep_ms = server->options.cache_ttl_ms;
    if (!job->wants_keep_ms || job->status != VSA_OK || !job->line)
        return;
    if (job->keep_ms < keep_ms)
        keep_ms = job->keep_ms;
    if (keep_ms > 0)
        vsa_reply_cache_keep(&server->cache, job->key, job->line, job->line_size, job->begun_ms,
                             job->begun_ms + keep_ms);
}

/* Another module may come back: what is kept is of the old one. */
static void tell_nsm(struct vsa_server *server, bool is_news, const struct vsa_job *job)
{
    if (!server->nsm.reachable)
        vsa_reply_cache_clear(&server->cache);
    if (is_news)
        vsa_server_tell(
            server,
            (struct vsa_server_event){
                .kind = server->nsm.reachable ? VSA_EVENT_NSM_REACHABLE : VSA_EVENT_NSM_UNREACHABLE,
                .status = server->nsm.reachable ? VSA_OK : job->status,
                .detail = server->nsm.reachable ? server->nsm.module_id : job->error.detail,
            });
}

void vsa_jobs_probe(struct vsa_server *server)
{
    struct vsa_job *job = NULL;
    if (!vsa_nsm_health_begin_probe(&server->nsm, server->loop.now_ms))
        return;
    job = vsa_job_new();
    if (job)
        vsa_worker_submit_first(server->worker, job);
    else
        server->nsm.probing = false; /* the next one who asks */
}

static void probed(struct vsa_server *server, const struct vsa_job *job)
{
    bool is_news =
        vsa_nsm_health_end_probe(&server->nsm, job->status, job->module_id, server->loop.now_ms);
    tell_nsm(server, is_news, job);
    vsa_server_begin(server);
}

static void heard(struct vsa_server *server, const struct vsa_job *job)
{
    if (job->status == VSA_ERR_NSM_UNREACHABLE)
        tell_nsm(server, vsa_nsm_health_lost(&server->nsm, server->loop.now_ms), job);
    else if (job->status != VSA_OK || !server->nsm.reachable)
        vsa_jobs_probe(server); /* lost, or back? */
}

static void collect_one(struct vsa_server *server, struct vsa_job *job)
{
    stop_sharing(server, job);
    if (!job->command) {
        probed(server, job);
        return;
    }
    heard(server, job);
    keep(server, job);
    while (job->waiters)
        answer(job->waiters, job);
}

void vsa_jobs_collect(struct vsa_server *server)
{
    struct vsa_job *job = vsa_worker_collect(server->worker);
    while (job) {
        struct vsa_job *next = job->next;
        collect_one(server, job);
        free_job(server, job);
        job = next;
    }
}

/* --- new requests ----------------------------------------------------------------------------- */

bool vsa_jobs_in_worker(const struct vsa_command *command)
{
    return (command->flags & (VSA_COMMAND_NSM | VSA_COMMAND_BLOCKING)) != 0;
}

static bool is_full(const struct vsa_server *server)
{
    return vsa_statistic_get(&server->statistics->in_flight) >= server->options.max_in_flight;
}

static bool answer_from_cache(const struct vsa_dispatch *request, const uint8_t *key)
{
    char more[64];
    struct vsa_server *server = request->connection->server;
    int64_t now_ms = server->loop.now_ms;
    const struct vsa_cached_reply *kept = vsa_reply_cache_find(&server->cache, key, now_ms);
    if (!kept)
        return false;
    /* The turn may have begun before the document was made. */
    int64_t age_ms = now_ms > kept->made_ms ? now_ms - kept->made_ms : 0;
    (void)snprintf(more, sizeof(more), ",\"cached\":true,\"age_ms\":%" PRId64, age_ms);
    enum vsa_status status =
        write_line(request->connection, vsa_slice_of(kept->line, kept->size), more, request->id);
    vsa_statistic_up(&server->statistics->cached);
    vsa_dispatch_answered(request->connection, request->named, status, request->started_us);
    return true;
}

/*
 * A document shall be made after the request for it has come: it may have to show what happened
 * just before, such as a PCR that was extended. So only jobs that have not begun are joined, unless
 * there is a cache: with that, older documents are wanted, but none older than those in it.
 */
static bool join(const struct vsa_dispatch *request, const uint8_t *key)
{
    struct vsa_server *server = request->connection->server;
    struct vsa_job *job = find_shared(server, key);
    int64_t earliest_ms =
        has_cache(server) ? server->loop.now_ms - server->options.cache_ttl_ms : INT64_MAX;
    if (!job || is_full(server))
        return false;
    if (!vsa_worker_can_join(server->worker, job, earliest_ms))
        return false;
    struct vsa_waiter *waiter = new_waiter(request);
    if (!waiter)
        return false;
    wait_for(waiter, job);
    vsa_statistic_up(&server->statistics->coalesced);
    return true;
}

bool vsa_jobs_share(const struct vsa_dispatch *request, const uint8_t *key)
{
    return key && (answer_from_cache(request, key) || join(request, key));
}

static enum vsa_status fill_job(const struct vsa_dispatch *request, struct vsa_job *job,
                                struct vsa_error *error)
{
    struct vsa_server *server = request->connection->server;
    job->command = request->command;
    job->server = server;
    if (vsa_budget_charge(&server->budget, request->line.size)) {
        if (vsa_buffer_add(&job->text, (const char *)request->line.data, request->line.size))
            return VSA_OK;
        vsa_budget_refund(&server->budget, request->line.size);
    }
    return vsa_fail(error, VSA_ERR_BUSY, "too many unfinished requests; try again later");
}

static enum vsa_status submit(const struct vsa_dispatch *request, struct vsa_job *job,
                              const uint8_t *key, struct vsa_error *error)
{
    struct vsa_server *server = request->connection->server;
    if (is_full(server))
        return vsa_fail(error, VSA_ERR_BUSY, "%zu requests are in flight already; try again later",
                        server->options.max_in_flight);
    VSA_TRY(fill_job(request, job, error));
    if (key)
        start_sharing(server, job, key);
    return vsa_worker_submit(server->worker, job, error);
}

enum vsa_status vsa_jobs_start(const struct vsa_dispatch *request, const uint8_t *key,
                               struct vsa_error *error)
{
    struct vsa_server *server = request->connection->server;
    struct vsa_waiter *waiter = new_waiter(request);
    struct vsa_job *job = waiter ? vsa_job_new() : NULL;
    enum vsa_status status = VSA_OK;
    if (!job)
        status = vsa_fail_memory(error);
    else
        status = submit(request, job, key, error);
    if (status == VSA_OK) {
        wait_for(waiter, job);
        return VSA_OK;
    }
    if (waiter)
        free_waiter(waiter);
    if (job)
        free_job(server, job);
    return status;
}
