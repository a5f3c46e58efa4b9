/* SPDX-License-Identifier: Apache-2.0 */
#include "server/coalesce.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/container_of.h"
#include "base/slice.h"
#include "server/waiting.h"

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

bool vsa_coalesce(struct vsa_requests *all, const struct vsa_request *request,
                  const struct vsa_share_key *key)
{
    return answer_from_cache(all, request, key) || join(all, request, key);
}
