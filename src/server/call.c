/* SPDX-License-Identifier: Apache-2.0 */
#include "server/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/container_of.h"
#include "base/error.h"
#include "base/slice.h"
#include "server/builtin.h"
#include "server/reply.h"

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
    bool may_be_kept = vsa_link_is_listed(&call->share.place) && call->context->sharing->ttl_ms > 0;
    int64_t *life_ms = may_be_kept ? &call->life_ms : NULL;
    const struct vsa_seal_offer *offer = call->offer.config.suite ? &call->offer : NULL;
    enum vsa_status status = vsa_json_set(reply, "success", json_true(), &call->error);
    if (status == VSA_OK && offer)
        status = vsa_builtin_seal_key(nsm, call->asked.nonce, offer, reply, &call->error);
    else if (status == VSA_OK)
        status = vsa_builtin_attest(call->row->command.user, nsm, &call->asked, reply, life_ms,
                                    &call->error);
    if (status != VSA_OK)
        vsa_reply_fail(reply, &call->error);
    return status;
}

static enum vsa_status answer(struct vsa_call *call, struct vsa_nsm *nsm, json_t *reply)
{
    const struct vsa_call_context *context = call->context;
    if (call->row->role == VSA_ROLE_ATTEST || call->row->role == VSA_ROLE_SEAL_KEY)
        return attest(call, nsm, reply);
    return vsa_command_run(context->table, call->row, context->server, nsm,
                           call->sealed ? &call->sealed->origin : NULL, call->object, reply,
                           &call->error);
}

static void keep_text(struct vsa_call *call, json_t *reply)
{
    struct vsa_slice text;
    call->status = vsa_reply_print(reply, call->status, call->context->buffer, &text);
    call->text = malloc(text.size);
    if (call->text) {
        memcpy(call->text, text.data, text.size);
        call->text_size = text.size;
    } else {
        call->status = vsa_fail_memory(&call->error);
    }
    if (call->sealed)
        vsa_wipe(call->context->buffer, text.size);
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

/* --- in the loop ------------------------------------------------------------------------------ */

static void abandon(struct vsa_awaited *awaited)
{
    struct vsa_call *call = VSA_CONTAINER_OF(awaited, struct vsa_call, awaited);
    if (vsa_worker_withdraw(call->context->worker, &call->work))
        vsa_call_free(call);
}

static bool has_begun(struct vsa_awaited *awaited)
{
    struct vsa_call *call = VSA_CONTAINER_OF(awaited, struct vsa_call, awaited);
    return vsa_worker_begun_ms(call->context->worker, &call->work) != INT64_MAX;
}

static const struct vsa_awaited_kind kind = {abandon, has_begun, "no answer of the NSM in time"};

static struct vsa_call *new_call(struct vsa_call_context *context,
                                 const struct vsa_command_row *row, size_t fields)
{
    struct vsa_call *call = calloc(1, sizeof(*call) + fields);
    if (!call)
        return NULL;
    call->awaited.kind = &kind;
    call->work.run = run;
    call->work.may_block = row && (row->command.flags & VSA_COMMAND_BLOCKING);
    call->context = context;
    call->row = row;
    call->error.offset = VSA_NO_OFFSET;
    return call;
}

struct vsa_call *vsa_call_new_probe(struct vsa_call_context *context)
{
    return new_call(context, NULL, 0);
}

/* Copies a field: an absent one stays absent, an empty one empty. */
static struct vsa_slice copy(uint8_t *to, struct vsa_slice from)
{
    if (from.size > 0)
        memcpy(to, from.data, from.size);
    return vsa_slice_of(from.data ? to : NULL, from.size);
}

struct vsa_call *vsa_call_new_attest(struct vsa_call_context *context,
                                     const struct vsa_command_row *row,
                                     const struct vsa_attest_request *asked)
{
    struct vsa_call *call = new_call(context, row, asked->user_data.size + asked->nonce.size);
    if (!call)
        return NULL;
    call->asked.generate_key = asked->generate_key;
    call->asked.user_data = copy(call->fields, asked->user_data);
    call->asked.nonce = copy(call->fields + asked->user_data.size, asked->nonce);
    return call;
}

struct vsa_call *vsa_call_new_command(struct vsa_call_context *context,
                                      const struct vsa_command_row *row, json_t *object)
{
    struct vsa_call *call = new_call(context, row, 0);
    if (call)
        call->object = object;
    return call;
}

void vsa_call_free(struct vsa_call *call)
{
    if (!call)
        return;
    vsa_list_remove(&call->share.place);
    if (call->charged > 0)
        vsa_budget_refund(&call->context->streams->budget, call->charged);
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
