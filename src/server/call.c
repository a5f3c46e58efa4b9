/* SPDX-License-Identifier: Apache-2.0 */
#include "server/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/container_of.h"
#include "base/error.h"
#include "base/slice.h"
#include "server/builtin.h"

/* --- in the thread ---------------------------------------------------------------------------- */

static void probe(struct vsa_call *call, struct vsa_nsm *nsm)
{
    struct vsa_nsm_description description;
    call->status = vsa_nsm_describe(nsm, &description, &call->error);
    if (call->status == VSA_OK)
        memcpy(call->module_id, description.module_id, sizeof(call->module_id));
}

static enum vsa_status attest(struct vsa_call *call, struct vsa_nsm *nsm, json_t *reply)
{
    int64_t *life_ms = call->share.may_be_kept ? &call->life_ms : NULL;
    const struct vsa_seal_offer *offer = call->offer.config.suite ? &call->offer : NULL;
    enum vsa_status status = vsa_json_set(reply, "success", json_true(), &call->error);
    if (status == VSA_OK && offer)
        status = vsa_builtin_seal_key(nsm, call->asked.nonce, offer, reply, &call->error);
    else if (status == VSA_OK)
        status =
            vsa_builtin_attest(call->all->options, nsm, &call->asked, reply, life_ms, &call->error);
    if (status != VSA_OK)
        vsa_reply_fail(reply, &call->error);
    return status;
}

static enum vsa_status answer(struct vsa_call *call, struct vsa_nsm *nsm, json_t *reply)
{
    const struct vsa_requests *all = call->all;
    if (call->row->role == VSA_ROLE_ATTEST || call->row->role == VSA_ROLE_SEAL_KEY)
        return attest(call, nsm, reply);
    return vsa_command_run(&all->table, call->row, all->server, nsm,
                           call->sealed ? &call->sealed->origin : NULL, call->object, reply,
                           &call->error);
}

static void keep_text(struct vsa_call *call, json_t *reply)
{
    char *buffer = call->all->call_buffer;
    struct vsa_slice text;
    call->status = vsa_reply_print(reply, call->status, buffer, &text);
    call->text = malloc(text.size);
    if (call->text) {
        memcpy(call->text, text.data, text.size);
        call->text_size = text.size;
    } else {
        call->status = vsa_fail_memory(&call->error);
    }
    if (call->sealed)
        vsa_wipe(buffer, text.size);
}

static void run(struct vsa_work *work, struct vsa_nsm *nsm, const struct vsa_error *nsm_error)
{
    struct vsa_call *call = VSA_CONTAINER_OF(work, struct vsa_call, work);
    VSA_AUTO_JSON json_t *reply = json_object();
    if (!nsm && !work->may_block) {
        call->error = *nsm_error;
        call->status = nsm_error->status;
        vsa_reply_fail(reply, nsm_error);
    } else if (!call->row) {
        probe(call, nsm);
    } else {
        call->status = answer(call, nsm, reply);
    }
    if (call->row)
        keep_text(call, reply);
}

/* --- making and queueing ---------------------------------------------------------------------- */

static void abandon(struct vsa_awaited *awaited)
{
    struct vsa_call *call = VSA_CONTAINER_OF(awaited, struct vsa_call, awaited);
    if (vsa_worker_withdraw(call->all->worker, &call->work))
        vsa_call_free(call);
}

static bool has_begun(struct vsa_awaited *awaited)
{
    struct vsa_call *call = VSA_CONTAINER_OF(awaited, struct vsa_call, awaited);
    return vsa_worker_begun_ms(call->all->worker, &call->work) != INT64_MAX;
}

static const struct vsa_awaited_kind kind = {abandon, has_begun, "no answer of the NSM in time"};

/* Copies a field: an absent one stays absent, an empty one empty. */
static struct vsa_slice copy(uint8_t *to, struct vsa_slice from)
{
    if (from.size > 0)
        memcpy(to, from.data, from.size);
    return vsa_slice_of(from.data ? to : NULL, from.size);
}

struct vsa_call *vsa_call_new(struct vsa_requests *all, const struct vsa_command_row *row,
                              const struct vsa_attest_request *asked)
{
    size_t fields = asked ? asked->user_data.size + asked->nonce.size : 0;
    struct vsa_call *call = calloc(1, sizeof(*call) + fields);
    if (!call)
        return NULL;
    call->awaited.kind = &kind;
    call->work.run = run;
    call->work.may_block = row && (row->command.flags & VSA_COMMAND_BLOCKING);
    call->all = all;
    call->row = row;
    call->error.offset = VSA_NO_OFFSET;
    if (asked) {
        call->asked.generate_key = asked->generate_key;
        call->asked.user_data = copy(call->fields, asked->user_data);
        call->asked.nonce = copy(call->fields + asked->user_data.size, asked->nonce);
    }
    return call;
}

void vsa_call_free(struct vsa_call *call)
{
    vsa_list_remove(&call->share.place);
    if (call->charged > 0)
        vsa_budget_refund(&call->all->streams->budget, call->charged);
    if (call->sealed)
        vsa_sealed_release(call->sealed);
    json_decref(call->object);
    if (call->text)
        vsa_wipe(call->text, call->text_size); /* it may be of a sealed request */
    free(call->text);
    free(call);
}

void vsa_call_release(struct vsa_work *work)
{
    vsa_call_free(VSA_CONTAINER_OF(work, struct vsa_call, work));
}

/* What jansson allocates: a table of eight buckets for an object, eight places for an array. */
/* NOLINTNEXTLINE(misc-no-recursion): a request has VSA_MAX_JSON_DEPTH levels at most */
static size_t size_of(json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;
    size_t size = 32;
    if (json_is_string(value))
        return size + 48 + json_string_length(value);
    if (json_is_object(value))
        size += 256;
    if (json_is_array(value))
        size += 96;
    json_object_foreach(value, key, member) size += 96 + strlen(key) + size_of(member);
    json_array_foreach(value, i, member) size += 16 + size_of(member);
    return size;
}

size_t vsa_call_size(const struct vsa_call *call)
{
    return call->asked.user_data.size + call->asked.nonce.size +
           (call->object ? size_of(call->object) : 0);
}

enum vsa_status vsa_call_put(struct vsa_call *call, struct vsa_error *error)
{
    struct vsa_requests *all = call->all;
    VSA_TRY(vsa_sealed_charge(call->sealed, &all->streams->budget, vsa_call_size(call),
                              &call->charged, error));
    return vsa_worker_put(all->worker, &call->work, error);
}

void vsa_call_probe(struct vsa_requests *all)
{
    if (!vsa_nsm_health_begin_probe(all->health, all->loop->now_ms))
        return;
    struct vsa_call *call = vsa_call_new(all, NULL, NULL);
    if (call)
        vsa_worker_put_first(all->worker, &call->work);
    else
        all->health->probing = false; /* the next request tries again */
}

/* --- answering a request with what another one got, or is to get ------------------------------ */

static bool answer_from_cache(struct vsa_requests *all, const struct vsa_request *request,
                              const struct vsa_share_key *key)
{
    char members[64];
    int64_t now_ms = all->loop->now_ms;
    const struct vsa_kept_reply *kept = vsa_sharing_find_kept(&all->sharing, key, now_ms);
    if (!kept)
        return false;
    /* The iteration may have begun before the document was made. */
    int64_t age_ms = now_ms > kept->made_ms ? now_ms - kept->made_ms : 0;
    (void)snprintf(members, sizeof(members), ",\"cached\":true,\"age_ms\":%" PRId64, age_ms);
    struct vsa_reply reply = vsa_reply_of_text(vsa_slice_of(kept->text, kept->size), members,
                                               request->id, VSA_OK, all->buffer);
    vsa_counter_add(&all->counters.cached, 1);
    vsa_request_finish(all, request, &reply);
    return true;
}

/*
 * Joins a call that has not begun: a document may have to show what happened just before the
 * request, such as a PCR that was extended. Where replies are cached, older documents are wanted,
 * but none older than those.
 */
static bool join(struct vsa_requests *all, const struct vsa_request *request,
                 const struct vsa_share_key *key)
{
    struct vsa_share *share = vsa_sharing_find(&all->sharing, key);
    int64_t ttl_ms = all->sharing.ttl_ms;
    int64_t earliest_ms = ttl_ms > 0 ? all->loop->now_ms - ttl_ms : INT64_MAX;
    if (!share || vsa_waiting_check_room(all, NULL) != VSA_OK)
        return false;
    struct vsa_call *call = VSA_CONTAINER_OF(share, struct vsa_call, share);
    if (vsa_worker_begun_ms(all->worker, &call->work) < earliest_ms)
        return false;
    struct vsa_waiter *waiter = vsa_waiter_new(all, request);
    if (!waiter)
        return false;
    vsa_waiter_wait(waiter, &call->awaited);
    vsa_counter_add(&all->counters.coalesced, 1);
    return true;
}

bool vsa_call_coalesce(struct vsa_requests *all, const struct vsa_request *request,
                       const struct vsa_share_key *key)
{
    return answer_from_cache(all, request, key) || join(all, request, key);
}

/* --- collecting ------------------------------------------------------------------------------- */

static void report_nsm(const struct vsa_requests *all, const struct vsa_call *call)
{
    struct vsa_server_event event = {
        .kind = VSA_EVENT_NSM_UNREACHABLE, .status = call->status, .detail = call->error.detail};
    if (all->health->reachable)
        event = (struct vsa_server_event){.kind = VSA_EVENT_NSM_REACHABLE,
                                          .detail = all->health->module_id};
    vsa_observe(all, event);
}

/* Learns how the NSM is from a probe or from what a request met. */
static void update_health(struct vsa_requests *all, const struct vsa_call *call)
{
    int64_t now_ms = all->loop->now_ms;
    bool changed = false;
    if (!call->row)
        changed = vsa_nsm_health_end_probe(all->health, call->status, call->module_id, now_ms);
    else if (call->status == VSA_ERR_NSM_UNREACHABLE)
        changed = vsa_nsm_health_lost(all->health, now_ms);
    else if (call->status != VSA_OK || !all->health->reachable)
        vsa_call_probe(all);
    /* Another module may come back: what is kept is of the old one. */
    if (!all->health->reachable)
        vsa_sharing_drop_kept(&all->sharing);
    if (changed)
        report_nsm(all, call);
}

/* Returns members for replies that may have been stored, of a server that stores some. */
static const char *cache_members(const struct vsa_requests *all, const struct vsa_call *call)
{
    bool is_said = all->sharing.ttl_ms > 0 && call->status == VSA_OK && call->row &&
                   call->row->role == VSA_ROLE_ATTEST;
    return is_said ? ",\"cached\":false,\"age_ms\":0" : "";
}

/* Sends the reply to all that wait for the call. */
static void answer_waiting(struct vsa_requests *all, struct vsa_call *call)
{
    const char *members = cache_members(all, call);
    struct vsa_waiter *waiter;
    while ((waiter = vsa_waiter_first(&call->awaited))) {
        const struct vsa_request *request = &waiter->request;
        struct vsa_slice text = vsa_slice_of(call->text, call->text_size);
        struct vsa_reply reply =
            call->text ? vsa_reply_of_text(text, members, request->id, call->status, all->buffer)
                       : vsa_reply_of_error(&call->error, request->id, all->buffer);
        vsa_request_finish(all, request, &reply);
        vsa_waiter_free(waiter);
    }
}

void vsa_call_collect(struct vsa_requests *all)
{
    struct vsa_link done = {0};
    struct vsa_work *work;
    vsa_worker_finished(all->worker, &done);
    while ((work = vsa_work_of(vsa_list_pop(&done)))) {
        struct vsa_call *call = VSA_CONTAINER_OF(work, struct vsa_call, work);
        update_health(all, call);
        if (call->status == VSA_OK && call->text)
            vsa_sharing_keep(&all->sharing, &call->share, vsa_slice_of(call->text, call->text_size),
                             work->begun_ms, call->life_ms);
        answer_waiting(all, call);
        vsa_call_free(call);
    }
}
