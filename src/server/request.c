/* SPDX-License-Identifier: Apache-2.0 */
#include "server/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/container_of.h"
#include "base/error.h"
#include "base/monotonic.h"
#include "base/slice.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "server/reply.h"

/* A line on its way through the loop. */
struct arrival {
    struct vsa_requests *all;
    struct vsa_stream *stream;
    int64_t started_us;
    json_t *object;                      /* owned, or NULL */
    const struct vsa_command_row *row;   /* that answers it */
    const struct vsa_command_row *named; /* that it is counted as: mostly the same */
    int64_t retry_after_ms;              /* why it is VSA_ERR_RATE_LIMITED */
    struct vsa_slice id;                 /* as the reply has it */
    char id_text[VSA_REPLY_ID];
};

/* A request that waits for a call; its stream is suspended for it. */
struct vsa_request {
    struct vsa_timer timer;
    struct vsa_stream *stream;
    struct vsa_call *call;
    struct vsa_request *previous; /* of the same call */
    struct vsa_request *next;
    const struct vsa_command_row *named;
    int64_t started_us;
    size_t id_size;
    char id[];
};

/* --- bookkeeping ------------------------------------------------------------------------------ */

/* Counted first: a client that has its reply finds it in the numbers. */
static void finish(struct vsa_requests *all, struct vsa_stream *stream,
                   const struct vsa_command_row *named, int64_t started_us,
                   const struct vsa_reply *reply)
{
    vsa_counters_add_request(all->counters, named ? named - all->table->rows : -1,
                             reply->status != VSA_OK);
    vsa_observe(all->observer, (struct vsa_server_event){
                                   .kind = VSA_EVENT_REQUEST,
                                   .status = reply->status,
                                   .connection = vsa_stream_number(stream),
                                   .command = named ? named->name : NULL,
                                   .duration_us = vsa_monotonic_us() - started_us,
                               });
    vsa_reply_send(stream, reply);
}

static void answer_now(const struct arrival *arrival, const struct vsa_reply *reply)
{
    finish(arrival->all, arrival->stream, arrival->named, arrival->started_us, reply);
}

static void free_call(struct vsa_requests *all, struct vsa_call *call)
{
    if (!call)
        return;
    vsa_sharing_end(all->sharing, &call->share);
    vsa_streams_refund(all->streams, call->charged);
    vsa_call_free(call);
}

static struct vsa_request *new_request(const struct arrival *arrival)
{
    struct vsa_request *request = calloc(1, sizeof(*request) + arrival->id.size);
    if (!request)
        return NULL;
    request->stream = arrival->stream;
    request->named = arrival->named;
    request->started_us = arrival->started_us;
    request->id_size = arrival->id.size;
    memcpy(request->id, arrival->id_text, arrival->id.size);
    return request;
}

static struct vsa_slice id_of(const struct vsa_request *request)
{
    return vsa_slice_of(request->id, request->id_size);
}

static void wait_for(struct vsa_requests *all, struct vsa_request *request, struct vsa_call *call)
{
    request->call = call;
    request->next = call->requests;
    if (call->requests)
        call->requests->previous = request;
    call->requests = request;
    vsa_timer_start(&all->timeouts, &request->timer, all->loop->now_ms);
    vsa_counter_add(&all->counters->in_flight, 1);
    vsa_stream_suspend(request->stream, request);
}

/* Frees the request, which waits no more. */
static void leave(struct vsa_requests *all, struct vsa_request *request)
{
    *(request->previous ? &request->previous->next : &request->call->requests) = request->next;
    if (request->next)
        request->next->previous = request->previous;
    vsa_timer_stop(&request->timer);
    vsa_counter_add(&all->counters->in_flight, -1);
    free(request);
}

/* The same before the call is done: it is taken back if it has not begun and none waits for it. */
static void abandon(struct vsa_requests *all, struct vsa_request *request)
{
    struct vsa_call *call = request->call;
    leave(all, request);
    if (!call->requests && vsa_worker_withdraw(all->worker, &call->work))
        free_call(all, call);
}

static void give_up(struct vsa_requests *all, struct vsa_request *request, enum vsa_status status,
                    const char *detail)
{
    struct vsa_error error;
    vsa_error_set(&error, status, VSA_NO_OFFSET, NULL, "%s", detail);
    struct vsa_reply reply = vsa_reply_of_error(&error, id_of(request), all->buffer);
    finish(all, request->stream, request->named, request->started_us, &reply);
    abandon(all, request);
}

static void on_timeout(void *user, struct vsa_timer *timer)
{
    struct vsa_request *request = VSA_CONTAINER_OF(timer, struct vsa_request, timer);
    give_up(user, request, VSA_ERR_TIMEOUT, "no answer of the NSM in time");
}

/* --- the NSM's health ------------------------------------------------------------------------- */

void vsa_requests_probe(struct vsa_requests *all)
{
    if (!vsa_nsm_health_begin_probe(all->health, all->loop->now_ms))
        return;
    struct vsa_call *call = vsa_call_new_probe(&all->context);
    if (call)
        vsa_worker_put_first(all->worker, &call->work);
    else
        all->health->probing = false; /* the next request tries again */
}

static void report_nsm(const struct vsa_requests *all, const struct vsa_call *call)
{
    if (all->health->reachable)
        vsa_observe(all->observer, (struct vsa_server_event){.kind = VSA_EVENT_NSM_REACHABLE,
                                                             .detail = all->health->module_id});
    else
        vsa_observe(all->observer, (struct vsa_server_event){.kind = VSA_EVENT_NSM_UNREACHABLE,
                                                             .status = call->status,
                                                             .detail = call->error.detail});
}

/* Learns how the NSM is from a probe or from what a request met. */
static void learn(struct vsa_requests *all, const struct vsa_call *call)
{
    int64_t now_ms = all->loop->now_ms;
    bool is_news = false;
    if (!call->row)
        is_news = vsa_nsm_health_end_probe(all->health, call->status, call->module_id, now_ms);
    else if (call->status == VSA_ERR_NSM_UNREACHABLE)
        is_news = vsa_nsm_health_lost(all->health, now_ms);
    else if (call->status != VSA_OK || !all->health->reachable)
        vsa_requests_probe(all);
    /* Another module may come back: what is kept is of the old one. */
    if (!all->health->reachable)
        vsa_reply_cache_clear(&all->sharing->cache);
    if (is_news)
        report_nsm(all, call);
}

/* --- calls that are done ---------------------------------------------------------------------- */

/* Of a server that keeps replies, those that may have been kept say whether they were. */
static const char *freshness(const struct vsa_requests *all, const struct vsa_call *call)
{
    bool is_said =
        all->sharing->ttl_ms > 0 && call->status == VSA_OK && call->row->role == VSA_ROLE_ATTEST;
    return is_said ? ",\"cached\":false,\"age_ms\":0" : "";
}

static void answer(struct vsa_requests *all, const struct vsa_call *call,
                   struct vsa_request *request)
{
    struct vsa_slice text = vsa_slice_of(call->text, call->text_size);
    struct vsa_reply reply = call->text
                                 ? vsa_reply_of_text(text, freshness(all, call), id_of(request),
                                                     call->status, all->buffer)
                                 : vsa_reply_of_error(&call->error, id_of(request), all->buffer);
    finish(all, request->stream, request->named, request->started_us, &reply);
    leave(all, request);
}

void vsa_requests_collect(struct vsa_requests *all)
{
    struct vsa_queue done = {0};
    struct vsa_work *work;
    vsa_worker_finished(all->worker, &done);
    while ((work = vsa_work_of(vsa_queue_pop(&done)))) {
        struct vsa_call *call = VSA_CONTAINER_OF(work, struct vsa_call, work);
        learn(all, call);
        if (call->status == VSA_OK && call->text)
            vsa_sharing_keep(all->sharing, &call->share, vsa_slice_of(call->text, call->text_size),
                             work->begun_ms, call->life_ms);
        vsa_sharing_end(all->sharing, &call->share);
        while (call->requests)
            answer(all, call, call->requests);
        free_call(all, call);
    }
}

/* --- sharing ---------------------------------------------------------------------------------- */

static bool answer_from_cache(const struct arrival *arrival, const struct vsa_share_key *key)
{
    char members[64];
    struct vsa_requests *all = arrival->all;
    int64_t now_ms = all->loop->now_ms;
    const struct vsa_cached_reply *kept =
        vsa_reply_cache_find(&all->sharing->cache, key->digest, now_ms);
    if (!kept)
        return false;
    /* The iteration may have begun before the document was made. */
    int64_t age_ms = now_ms > kept->made_ms ? now_ms - kept->made_ms : 0;
    (void)snprintf(members, sizeof(members), ",\"cached\":true,\"age_ms\":%" PRId64, age_ms);
    struct vsa_reply reply = vsa_reply_of_text(vsa_slice_of(kept->line, kept->size), members,
                                               arrival->id, VSA_OK, all->buffer);
    vsa_counter_add(&all->counters->cached, 1);
    answer_now(arrival, &reply);
    return true;
}

static bool is_full(const struct vsa_requests *all)
{
    return vsa_counter_get(&all->counters->in_flight) >= all->max_in_flight;
}

/*
 * A document shall be made after the request for it has come: it may have to show what happened
 * just before, such as a PCR that was extended. So only calls that have not begun are joined,
 * unless replies are kept: with that, older documents are wanted, but none older than those.
 */
static bool join(const struct arrival *arrival, const struct vsa_share_key *key)
{
    struct vsa_requests *all = arrival->all;
    struct vsa_share *share = vsa_sharing_find(all->sharing, key);
    int64_t ttl_ms = all->sharing->ttl_ms;
    int64_t earliest_ms = ttl_ms > 0 ? all->loop->now_ms - ttl_ms : INT64_MAX;
    if (!share || is_full(all))
        return false;
    struct vsa_call *call = VSA_CONTAINER_OF(share, struct vsa_call, share);
    if (vsa_worker_begun_ms(all->worker, &call->work) < earliest_ms)
        return false;
    struct vsa_request *request = new_request(arrival);
    if (!request)
        return false;
    wait_for(all, request, call);
    vsa_counter_add(&all->counters->coalesced, 1);
    return true;
}

/* --- rate limit ------------------------------------------------------------------------------- */

/* A handler before all commands does not lift the limits of those that it stands for. */
static bool is_rate_limited(const struct arrival *arrival)
{
    unsigned flags = arrival->row->command.flags | arrival->named->command.flags;
    return (flags & VSA_COMMAND_RATE_LIMITED) != 0;
}

static enum vsa_status take_token(struct arrival *arrival, struct vsa_error *error)
{
    struct vsa_requests *all = arrival->all;
    if (!is_rate_limited(arrival))
        return VSA_OK;
    arrival->retry_after_ms =
        vsa_rate_limit_take(all->rate, vsa_stream_peer(arrival->stream),
                            vsa_stream_attachment(arrival->stream), all->loop->now_ms);
    if (arrival->retry_after_ms == 0)
        return VSA_OK;
    vsa_counter_add(&all->counters->rate_limited, 1);
    return vsa_fail(error, VSA_ERR_RATE_LIMITED,
                    "rate limit of %lld documents a second exceeded; try again in %lld ms",
                    (long long)all->rate->rate, (long long)arrival->retry_after_ms);
}

static void give_token_back(const struct arrival *arrival)
{
    const struct vsa_requests *all = arrival->all;
    if (is_rate_limited(arrival))
        vsa_rate_limit_give_back(all->rate, vsa_stream_peer(arrival->stream),
                                 vsa_stream_attachment(arrival->stream), all->loop->now_ms);
}

/* --- running here, or in the thread ----------------------------------------------------------- */

static struct vsa_reply run(const struct arrival *arrival)
{
    struct vsa_requests *all = arrival->all;
    struct vsa_error error;
    VSA_AUTO_JSON json_t *object = json_object();
    enum vsa_status status = vsa_command_run(all->table, arrival->row, all->server, NULL,
                                             arrival->object, object, &error);
    return vsa_reply_of_json(object, arrival->id, status, all->buffer);
}

static struct vsa_reply summarize(const struct arrival *arrival)
{
    struct vsa_requests *all = arrival->all;
    struct vsa_summary *summary = &all->summaries[arrival->row - all->table->rows];
    vsa_requests_probe(all);
    if (vsa_summary_is_enough(summary, all->loop->now_ms))
        return vsa_reply_of_text(vsa_slice_of(summary->text, summary->size), "", arrival->id,
                                 VSA_OK, all->buffer);
    struct vsa_reply reply = run(arrival);
    vsa_summary_drop(summary);
    if (reply.status == VSA_OK)
        vsa_summary_keep(summary, reply.text);
    return reply;
}

static void run_here(const struct arrival *arrival)
{
    struct vsa_reply reply =
        arrival->row->role == VSA_ROLE_SUMMARY ? summarize(arrival) : run(arrival);
    answer_now(arrival, &reply);
}

/* `asked` is NULL for all but `attest`. */
static struct vsa_call *new_call(struct arrival *arrival, const struct vsa_attest_request *asked)
{
    struct vsa_call_context *context = &arrival->all->context;
    if (asked)
        return vsa_call_new_attest(context, arrival->row, asked);
    struct vsa_call *call = vsa_call_new_command(context, arrival->row, arrival->object);
    if (call)
        arrival->object = NULL;
    return call;
}

static enum vsa_status put(struct vsa_requests *all, struct vsa_call *call, struct vsa_error *error)
{
    size_t size = vsa_call_size(call);
    if (!vsa_streams_charge(all->streams, size))
        return vsa_fail(error, VSA_ERR_BUSY, "too many unfinished requests; try again later");
    call->charged = size;
    return vsa_worker_put(all->worker, &call->work, error);
}

static enum vsa_status enqueue(struct arrival *arrival, const struct vsa_attest_request *asked,
                               const struct vsa_share_key *key, struct vsa_error *error)
{
    struct vsa_requests *all = arrival->all;
    if (is_full(all))
        return vsa_fail(error, VSA_ERR_BUSY, "%zu requests are in flight already; try again later",
                        all->max_in_flight);
    struct vsa_request *request = new_request(arrival);
    struct vsa_call *call = request ? new_call(arrival, asked) : NULL;
    if (call && key)
        vsa_sharing_begin(all->sharing, &call->share, key);
    enum vsa_status status = call ? put(all, call, error) : vsa_fail_memory(error);
    if (status != VSA_OK) {
        free_call(all, call);
        free(request);
        return status;
    }
    wait_for(all, request, call);
    return VSA_OK;
}

/* --- lines ------------------------------------------------------------------------------------ */

static enum vsa_status read_line(struct arrival *arrival, struct vsa_slice line,
                                 struct vsa_error *error)
{
    const char *name = NULL;
    json_t *id = NULL;
    VSA_TRY(vsa_json_parse(line, &arrival->object, error));
    VSA_TRY(vsa_request_id(arrival->object, &id, error));
    VSA_TRY(vsa_reply_print_id(id, arrival->id_text, &arrival->id, error));
    VSA_TRY(vsa_request_command(arrival->object, &name, error));
    if (arrival->all->refusing)
        return vsa_fail(error, VSA_ERR_SHUTTING_DOWN, "the server is stopping");
    arrival->row = vsa_command_table_find(arrival->all->table, name, &arrival->named);
    if (!arrival->row)
        return vsa_fail(error, VSA_ERR_UNKNOWN_COMMAND, "Unknown command");
    return VSA_OK;
}

/* Sharing costs the NSM nothing, so it comes before the rate limit, which is for the NSM's sake. */
static enum vsa_status admit(struct arrival *arrival, const struct vsa_attest_request *asked,
                             struct vsa_error *error)
{
    struct vsa_share_key key;
    bool shares = asked && vsa_share_key_of(asked, &key);
    if (shares && (answer_from_cache(arrival, &key) || join(arrival, &key)))
        return VSA_OK;
    VSA_TRY(take_token(arrival, error));
    if (!(arrival->row->command.flags & (VSA_COMMAND_NSM | VSA_COMMAND_BLOCKING))) {
        run_here(arrival);
        return VSA_OK;
    }
    enum vsa_status status = enqueue(arrival, asked, shares ? &key : NULL, error);
    if (status != VSA_OK)
        give_token_back(arrival);
    return status;
}

static enum vsa_status handle_attest(struct arrival *arrival, struct vsa_error *error)
{
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request asked;
    VSA_TRY(vsa_attest_request_decode(arrival->object, &buffers, &asked, error));
    return admit(arrival, &asked, error);
}

static enum vsa_status handle(struct arrival *arrival, struct vsa_slice line,
                              struct vsa_error *error)
{
    VSA_TRY(read_line(arrival, line, error));
    if (arrival->row->role == VSA_ROLE_ATTEST)
        return handle_attest(arrival, error);
    return admit(arrival, NULL, error);
}

static void refuse(const struct arrival *arrival, const struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *object = json_object();
    vsa_reply_fail(object, error);
    if (error->status == VSA_ERR_UNKNOWN_COMMAND)
        vsa_command_table_list(arrival->all->table, object);
    if (error->status == VSA_ERR_RATE_LIMITED &&
        vsa_reply_set_retry_after(object, arrival->retry_after_ms, NULL) != VSA_OK)
        (void)json_object_clear(object); /* found when it is printed */
    struct vsa_reply reply =
        vsa_reply_of_json(object, arrival->id, error->status, arrival->all->buffer);
    answer_now(arrival, &reply);
}

static void on_line(struct vsa_stream *stream, struct vsa_slice line)
{
    struct vsa_error error;
    struct arrival arrival = {.all = vsa_stream_owner(stream), .stream = stream};
    if (vsa_json_is_blank(line))
        return;
    arrival.started_us = vsa_monotonic_us();
    if (handle(&arrival, line, &error) != VSA_OK)
        refuse(&arrival, &error);
    json_decref(arrival.object);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void on_opened(struct vsa_stream *stream)
{
    const struct vsa_requests *all = vsa_stream_owner(stream);
    vsa_counter_add(&all->counters->opened, 1);
    vsa_observe(all->observer, (struct vsa_server_event){.kind = VSA_EVENT_CONNECTION_OPENED,
                                                         .connection = vsa_stream_number(stream)});
}

static void on_failing(struct vsa_stream *stream, enum vsa_status why, const char *detail)
{
    struct vsa_requests *all = vsa_stream_owner(stream);
    struct vsa_error error;
    vsa_error_set(&error, why, VSA_NO_OFFSET, NULL, "%s", detail);
    struct vsa_reply reply = vsa_reply_of_error(&error, (struct vsa_slice){0}, all->buffer);
    vsa_reply_send(stream, &reply);
}

static void on_closed(struct vsa_stream *stream, enum vsa_status why)
{
    struct vsa_requests *all = vsa_stream_owner(stream);
    struct vsa_request *request = vsa_stream_pending(stream);
    if (request)
        abandon(all, request);
    vsa_observe(all->observer, (struct vsa_server_event){.kind = VSA_EVENT_CONNECTION_CLOSED,
                                                         .status = why,
                                                         .connection = vsa_stream_number(stream)});
}

const struct vsa_stream_handlers vsa_request_handlers = {on_opened, on_line, on_failing, on_closed};

/* --- begin and end ---------------------------------------------------------------------------- */

void vsa_requests_init(struct vsa_requests *all)
{
    vsa_timer_list_init(&all->timeouts, all->timeout_ms, on_timeout, all);
    vsa_event_loop_add(all->loop, &all->timeouts);
    all->context.table = all->table;
    all->context.server = all->server;
    all->context.keeps = all->sharing->ttl_ms > 0;
}

void vsa_requests_close(struct vsa_requests *all)
{
    struct vsa_timer *timer;
    /* Their calls went with the worker. */
    while (all->loop && (timer = vsa_timer_first(&all->timeouts))) {
        vsa_timer_stop(timer);
        free(VSA_CONTAINER_OF(timer, struct vsa_request, timer));
    }
    for (size_t i = 0; i < VSA_MAX_COMMANDS; i++)
        vsa_summary_drop(&all->summaries[i]);
}

void vsa_requests_refuse(struct vsa_requests *all)
{
    all->refusing = true;
}

/* A client that reads "shutting_down" asks again: only what was not carried out gets that. */
void vsa_requests_give_up(struct vsa_requests *all)
{
    struct vsa_timer *timer;
    while ((timer = vsa_timer_first(&all->timeouts))) {
        struct vsa_request *request = VSA_CONTAINER_OF(timer, struct vsa_request, timer);
        if (vsa_worker_begun_ms(all->worker, &request->call->work) == INT64_MAX)
            give_up(all, request, VSA_ERR_SHUTTING_DOWN, "the server is stopping");
        else
            give_up(all, request, VSA_ERR_TIMEOUT,
                    "the server stopped before the request was done");
    }
}
