/* SPDX-License-Identifier: Apache-2.0 */
#include "server/calls.h"

#include "base/container_of.h"
#include "base/error.h"
#include "base/slice.h"

enum vsa_status vsa_calls_put(struct vsa_requests *all, struct vsa_call *call,
                              struct vsa_error *error)
{
    VSA_TRY(vsa_sealed_charge(call->sealed, &all->streams->budget, vsa_call_size(call),
                              &call->charged, error));
    return vsa_worker_put(all->worker, &call->work, error);
}

void vsa_calls_probe(struct vsa_requests *all)
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
        vsa_calls_probe(all);
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

void vsa_calls_collect(struct vsa_requests *all)
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
        vsa_waiting_answer(all, call, cache_members(all, call));
        vsa_call_free(call);
    }
}
