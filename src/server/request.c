/* SPDX-License-Identifier: Apache-2.0 */
#include "server/request.h"

#include "base/monotonic.h"

/* Counts, then sends: a client that has its reply finds it in the numbers. */
static void finish(struct vsa_requests *all, const struct vsa_request *request,
                   const struct vsa_reply *reply)
{
    const struct vsa_command_row *named = request->named;
    vsa_counters_add_request(&all->counters, named ? named - all->table.rows : -1,
                             reply->status != VSA_OK);
    vsa_observe(&all->observer, (struct vsa_server_event){
                                    .kind = VSA_EVENT_REQUEST,
                                    .status = reply->status,
                                    .connection = request->stream->number,
                                    .command = named ? named->name : NULL,
                                    .duration_us = vsa_monotonic_us() - request->started_us,
                                });
    vsa_reply_send(request->stream, reply);
}

/* Hides what is inside: of a sealed request the reply is a success. */
void vsa_request_finish(struct vsa_requests *all, const struct vsa_request *request,
                        const struct vsa_reply *reply)
{
    if (!request->sealed) {
        finish(all, request, reply);
        return;
    }
    const struct vsa_reply sealed = vsa_sealed_reply(request->sealed, reply, all->buffer);
    finish(all, request, &sealed);
}

void vsa_request_fail(struct vsa_requests *all, const struct vsa_request *request,
                      const struct vsa_error *why)
{
    struct vsa_reply reply = vsa_reply_of_error(why, request->id, all->buffer);
    vsa_request_finish(all, request, &reply);
}
