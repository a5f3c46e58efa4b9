/* SPDX-License-Identifier: Apache-2.0 */
#include "server/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "base/container_of.h"
#include "base/error.h"
#include "base/monotonic.h"
#include "base/slice.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "server/call.h"
#include "server/connections.h"
#include "server/forward.h"
#include "server/waiting.h"

/* A line, or what a sealed one holds, on its way through the loop. */
struct arrival {
    struct vsa_requests *all;
    struct vsa_request request;
    struct vsa_waiter *waiter;           /* owned; it came in a sealed request; else NULL */
    json_t *object;                      /* owned, or NULL */
    struct vsa_slice apart;              /* what is sealed, if it stayed in the line */
    const struct vsa_command_row *row;   /* that answers it */
    const struct vsa_command_row *named; /* by its command; mostly the same */
    struct vsa_seal_offer offer;         /* of `seal_key` */
    struct vsa_sealed *opened;           /* owned; what it held is next; or NULL */
    int64_t retry_after_ms;              /* why it is VSA_ERR_RATE_LIMITED */
};

/* --- rate limit ------------------------------------------------------------------------------- */

/*
 * Includes the flags of the named command: a handler before all commands does not lift their
 * limits.
 */
static bool is_rate_limited(const struct arrival *arrival)
{
    unsigned flags = arrival->row->command.flags | arrival->named->command.flags;
    return (flags & VSA_COMMAND_RATE_LIMITED) != 0;
}

/* Takes a token; `sealed` has a limit of its own, for the time that opening takes. */
static enum vsa_status take_token(struct arrival *arrival, struct vsa_rate_limit *rate,
                                  const char *what, struct vsa_error *error)
{
    struct vsa_requests *all = arrival->all;
    struct vsa_stream *stream = arrival->request.stream;
    struct vsa_bucket *own = (void *)stream->attachment;
    arrival->retry_after_ms = vsa_rate_limit_take(
        rate, stream->cid, rate == &all->rate ? &own[0] : &own[1], all->loop->now_ms);
    if (arrival->retry_after_ms == 0)
        return VSA_OK;
    if (!arrival->request.sealed) /* else the numbers would show what is inside */
        vsa_counter_add(&all->counters.rate_limited, 1);
    return vsa_fail(error, VSA_ERR_RATE_LIMITED,
                    "rate limit of %lld %s a second exceeded; try again in %lld ms",
                    (long long)rate->rate, what, (long long)arrival->retry_after_ms);
}

/* --- running here, or in the thread ----------------------------------------------------------- */

static struct vsa_reply run(const struct arrival *arrival)
{
    struct vsa_requests *all = arrival->all;
    struct vsa_error error;
    const struct vsa_sealed *sealed = arrival->request.sealed;
    VSA_AUTO_JSON json_t *object = json_object();
    enum vsa_status status =
        vsa_command_run(&all->table, arrival->row, all->server, NULL,
                        sealed ? &sealed->origin : NULL, arrival->object, object, &error);
    return vsa_reply_of_json(object, arrival->request.id, status, all->buffer);
}

static struct vsa_reply summarize(const struct arrival *arrival)
{
    struct vsa_requests *all = arrival->all;
    struct vsa_summary *summary = &all->summaries[arrival->row - all->table.rows];
    vsa_call_probe(all);
    if (vsa_summary_is_enough(summary, all->loop->now_ms))
        return vsa_reply_of_text(vsa_slice_of(summary->text, summary->size), "",
                                 arrival->request.id, VSA_OK, all->buffer);
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
    vsa_request_finish(arrival->all, &arrival->request, &reply);
}

/* Returns a waiter; what came in a sealed request waits since that has come. */
static struct vsa_waiter *waiter_of(struct arrival *arrival)
{
    struct vsa_request *request = &arrival->request;
    struct vsa_waiter *waiter = arrival->waiter;
    struct vsa_sealed *sealed = request->sealed;
    if (!waiter || !sealed)
        return vsa_waiter_new(arrival->all, request);
    if (request->id.size > 0)
        memcpy(sealed->id, request->id.data, request->id.size);
    waiter->request.id = vsa_slice_of(sealed->id, request->id.size);
    return waiter;
}

static enum vsa_status begin_call(struct arrival *arrival, const struct vsa_attest_request *asked,
                                  const struct vsa_share_key *key, struct vsa_awaited **awaited,
                                  struct vsa_error *error)
{
    struct vsa_requests *all = arrival->all;
    struct vsa_call *call = vsa_call_new(all, arrival->row, asked);
    if (!call)
        return vsa_fail_memory(error);
    if (!asked) {
        call->object = arrival->object;
        arrival->object = NULL;
    }
    call->offer = arrival->offer;
    call->sealed = vsa_sealed_hold(arrival->request.sealed);
    if (key)
        vsa_sharing_begin(&all->sharing, &call->share, key);
    enum vsa_status status = vsa_call_put(call, error);
    if (status != VSA_OK) {
        vsa_call_free(call);
        return status;
    }
    *awaited = &call->awaited;
    return VSA_OK;
}

/* Has the NSM's thread or a backend begin, and the request wait for it. */
static enum vsa_status enqueue(struct arrival *arrival, const struct vsa_attest_request *asked,
                               const struct vsa_share_key *key, struct vsa_error *error)
{
    struct vsa_requests *all = arrival->all;
    struct vsa_awaited *awaited = NULL;
    if (!arrival->waiter)
        VSA_TRY(vsa_waiting_check_room(all, error));
    struct vsa_waiter *waiter = waiter_of(arrival);
    if (!waiter)
        return vsa_fail_memory(error);
    enum vsa_status status =
        arrival->row->role == VSA_ROLE_BACKEND
            ? vsa_forward(all, &waiter->request, arrival->row, arrival->object, &awaited, error)
            : begin_call(arrival, asked, key, &awaited, error);
    if (status != VSA_OK) {
        if (!arrival->waiter)
            free(waiter);
        return status;
    }
    arrival->waiter = NULL;
    vsa_waiter_wait(waiter, awaited);
    return VSA_OK;
}

static bool runs_here(const struct vsa_command_row *row)
{
    return row->role != VSA_ROLE_BACKEND &&
           !(row->command.flags & (VSA_COMMAND_NSM | VSA_COMMAND_BLOCKING));
}

/*
 * Answers or queues a request. Sharing costs the NSM nothing, so it comes before the rate limit,
 * which is for the NSM's sake.
 */
static enum vsa_status admit(struct arrival *arrival, const struct vsa_attest_request *asked,
                             struct vsa_error *error)
{
    struct vsa_requests *all = arrival->all;
    struct vsa_stream *stream = arrival->request.stream;
    struct vsa_share_key key;
    bool shares = asked && !arrival->request.sealed && vsa_share_key_of(asked, &key);
    if (shares && vsa_call_coalesce(all, &arrival->request, &key))
        return VSA_OK;
    if (is_rate_limited(arrival))
        VSA_TRY(take_token(arrival, &all->rate, "documents", error));
    if (runs_here(arrival->row)) {
        run_here(arrival);
        return VSA_OK;
    }
    enum vsa_status status = enqueue(arrival, asked, shares ? &key : NULL, error);
    if (status != VSA_OK && is_rate_limited(arrival))
        vsa_rate_limit_give_back(&all->rate, stream->cid, (void *)stream->attachment,
                                 all->loop->now_ms);
    return status;
}

/* --- sealing ---------------------------------------------------------------------------------- */

/* Checks that the request may come as it did: in clear, or from this sender. */
static enum vsa_status check_origin(const struct arrival *arrival, const char *name,
                                    struct vsa_error *error)
{
    const struct vsa_sealing *sealing = arrival->all->sealing;
    const struct vsa_sealed *sealed = arrival->request.sealed;
    const struct vsa_command_row *row = arrival->row;
    if (!sealing)
        return VSA_OK;
    if (sealed && !vsa_senders_may_send(&sealing->senders, name, sealed->origin.sender))
        return vsa_fail(error, VSA_ERR_SENDER, "not signed by a sender that may send \"%s\"", name);
    bool needs_seal = row && ((row->command.flags & VSA_COMMAND_SEALED_ONLY) ||
                              vsa_senders_are_named(&sealing->senders, name,
                                                    arrival->named->role >= VSA_ROLE_PING));
    if (!sealed && needs_seal)
        return vsa_fail(error, VSA_ERR_SEALED_REQUIRED, "\"%s\" is done for sealed requests only",
                        name);
    return VSA_OK;
}

static enum vsa_status handle_seal_key(struct arrival *arrival, struct vsa_error *error)
{
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request asked = {0};
    VSA_TRY(vsa_attest_nonce_decode(arrival->object, buffers.nonce, &asked.nonce, error));
    if (asked.nonce.size == 0)
        return vsa_fail(error, VSA_ERR_FIELD,
                        "\"nonce\" is needed: else the key may be one of an enclave that is gone");
    VSA_TRY(vsa_sealing_offer(arrival->all->sealing, &arrival->offer, error));
    return admit(arrival, &asked, error); /* its nonce keeps it from being shared */
}

static enum vsa_status put_sealed(struct arrival *arrival, struct vsa_sealed *sealed,
                                  struct vsa_error *error)
{
    struct vsa_waiter *waiter = vsa_waiter_new(arrival->all, &arrival->request);
    if (!waiter)
        return vsa_fail_memory(error);
    bool is_open = vsa_sealed_open_now(sealed);
    enum vsa_status status = is_open ? VSA_OK : vsa_sealed_put(sealed, error);
    if (status != VSA_OK) {
        free(waiter);
        return status;
    }
    vsa_waiter_wait(waiter, &sealed->awaited);
    if (is_open)
        arrival->opened = sealed;
    return VSA_OK;
}

static enum vsa_status handle_sealed(struct arrival *arrival, struct vsa_error *error)
{
    struct vsa_requests *all = arrival->all;
    struct vsa_sealed *sealed = NULL;
    if (arrival->request.sealed)
        return vsa_fail(error, VSA_ERR_REQUEST, "a sealed request holds another sealed one");
    VSA_TRY(take_token(arrival, &all->sealed_rate, "sealed requests", error));
    VSA_TRY(vsa_waiting_check_room(all, error));
    VSA_TRY(vsa_sealed_new(all->sealing, arrival->object, arrival->apart, &sealed, error));
    enum vsa_status status = put_sealed(arrival, sealed, error);
    if (status != VSA_OK)
        vsa_sealed_release(sealed);
    return status;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Reads the object; what is sealed stays in the line: jansson takes 20 ns a character. */
static enum vsa_status parse(struct arrival *arrival, struct vsa_slice line,
                             struct vsa_error *error)
{
    if (arrival->all->sealing && !arrival->request.sealed)
        return vsa_json_parse_sealed(line, &arrival->object, &arrival->apart, error);
    return vsa_json_parse(line, &arrival->object, error);
}

static enum vsa_status read_line(struct arrival *arrival, struct vsa_slice line,
                                 struct vsa_error *error)
{
    struct vsa_request *request = &arrival->request;
    const char *name = NULL;
    json_t *id = NULL;
    VSA_TRY(parse(arrival, line, error));
    VSA_TRY(vsa_request_id(arrival->object, &id, error));
    VSA_TRY(vsa_reply_print_id(id, arrival->all->id, &request->id, error));
    VSA_TRY(vsa_request_command(arrival->object, &name, error));
    if (arrival->all->refusing)
        return vsa_fail(error, VSA_ERR_SHUTTING_DOWN, "the server is stopping");
    arrival->row = vsa_command_table_find(&arrival->all->table, name, &arrival->named);
    if (!request->sealed)
        request->named = arrival->named;
    VSA_TRY(check_origin(arrival, name, error));
    if (!arrival->row)
        return vsa_fail(error, VSA_ERR_UNKNOWN_COMMAND, "Unknown command");
    return VSA_OK;
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
    enum vsa_command_role role = arrival->row->role;
    if (role == VSA_ROLE_ATTEST)
        return handle_attest(arrival, error);
    if (role == VSA_ROLE_SEAL_KEY)
        return handle_seal_key(arrival, error);
    if (role == VSA_ROLE_SEALED)
        return handle_sealed(arrival, error);
    return admit(arrival, NULL, error);
}

static void refuse(const struct arrival *arrival, const struct vsa_error *error)
{
    struct vsa_requests *all = arrival->all;
    const struct vsa_request *request = &arrival->request;
    VSA_AUTO_JSON json_t *object = json_object();
    vsa_reply_fail(object, error);
    if (error->status == VSA_ERR_UNKNOWN_COMMAND)
        vsa_command_table_list(&all->table, object);
    if (error->status == VSA_ERR_RATE_LIMITED &&
        vsa_reply_set_retry_after(object, arrival->retry_after_ms, NULL) != VSA_OK)
        (void)json_object_clear(object); /* found when it is printed */
    struct vsa_reply reply = vsa_reply_of_json(object, request->id, error->status, all->buffer);
    vsa_request_finish(all, request, &reply);
}

/* --- what sealed requests hold ---------------------------------------------------------------- */

static enum vsa_status handle_opened(struct arrival *arrival, const struct vsa_sealed *sealed,
                                     struct vsa_error *error)
{
    if (sealed->sender_status != VSA_OK) {
        *error = sealed->error;
        return sealed->sender_status;
    }
    return handle(arrival, sealed->request, error);
}

static void dispatch_opened(struct vsa_waiter *waiter, struct vsa_sealed *sealed)
{
    struct vsa_error error;
    /* From here on every reply is sealed. */
    sealed->outer_id = waiter->request.id;
    waiter->request.id = (struct vsa_slice){0};
    waiter->request.sealed = vsa_sealed_hold(sealed);
    struct arrival arrival = {.all = waiter->all, .waiter = waiter, .request = waiter->request};
    if (handle_opened(&arrival, sealed, &error) != VSA_OK)
        refuse(&arrival, &error);
    json_decref(arrival.object);
    if (arrival.waiter)
        vsa_waiter_free(arrival.waiter);
}

/* Takes over `sealed`. */
static void finish_opened(struct vsa_requests *all, struct vsa_sealed *sealed)
{
    struct vsa_error error;
    struct vsa_waiter *waiter = vsa_waiter_first(&sealed->awaited);
    /* One that is not waited for any more is not carried out. */
    enum vsa_status status = waiter ? vsa_sealed_accept(sealed, &error) : VSA_OK;
    if (waiter && status == VSA_OK) {
        dispatch_opened(waiter, sealed);
    } else if (waiter) {
        vsa_request_fail(all, &waiter->request, &error);
        vsa_waiter_free(waiter);
    }
    vsa_sealed_forget_text(sealed);
    vsa_sealed_release(sealed);
}

void vsa_dispatch_opened(struct vsa_requests *all)
{
    struct vsa_sealed *sealed;
    while (all->sealing && (sealed = vsa_sealing_next(all->sealing)))
        finish_opened(all, sealed);
}

static void on_line(struct vsa_stream *stream, struct vsa_slice line)
{
    struct vsa_error error;
    struct arrival arrival = {
        .all = stream->streams->owner,
        .request = {.stream = stream, .started_us = vsa_monotonic_us()},
    };
    if (vsa_json_is_blank(line))
        return;
    if (handle(&arrival, line, &error) != VSA_OK)
        refuse(&arrival, &error);
    json_decref(arrival.object);
    if (arrival.opened)
        finish_opened(arrival.all, arrival.opened);
}

/* --- begin and end ---------------------------------------------------------------------------- */

const struct vsa_stream_handlers vsa_dispatch_handlers = {
    vsa_connection_opened, on_line, vsa_connection_failing, vsa_connection_closed};

void vsa_dispatch_close(struct vsa_requests *all)
{
    vsa_waiting_close(all);
    vsa_backends_free(all->backends);
    vsa_sharing_drop_kept(&all->sharing);
    for (size_t i = 0; i < VSA_MAX_COMMANDS; i++)
        vsa_summary_drop(&all->summaries[i]);
}
