/* SPDX-License-Identifier: Apache-2.0 */
#include "server/request.h"

#include "base/monotonic.h"
#include "base/slice.h"

void vsa_observe(const struct vsa_requests *all, struct vsa_server_event event)
{
    if (!all->options->on_event)
        return;
    event.connections = all->streams->count;
    all->options->on_event(all->options->user, &event);
}

/* Counts, then sends: a client that has its reply finds it in the numbers. */
static void finish(struct vsa_requests *all, const struct vsa_request *request,
                   const struct vsa_reply *reply)
{
    const struct vsa_command_row *named = request->named;
    vsa_counters_add_request(&all->counters, named ? named - all->table.rows : -1,
                             reply->status != VSA_OK);
    vsa_observe(all, (struct vsa_server_event){
                         .kind = VSA_EVENT_REQUEST,
                         .status = reply->status,
                         .connection = request->stream->number,
                         .command = named ? named->name : NULL,
                         .duration_us = vsa_monotonic_us() - request->started_us,
                     });
    vsa_reply_send(request->stream, reply);
}

static enum vsa_status seal(const struct vsa_sealed *sealed, const struct vsa_reply *inner,
                            struct vsa_slice *text, struct vsa_error *error)
{
    const struct vsa_slice parts[] = {inner->text, inner->members, inner->id,
                                      vsa_slice_of_text("}")};
    return vsa_sealed_reply(sealed, parts, sizeof(parts) / sizeof(parts[0]), text, error);
}

/* Wipes what was printed: it would stay until a longer reply comes. */
static void wipe_printed(struct vsa_requests *all, struct vsa_slice text)
{
    if ((const char *)text.data == all->buffer)
        vsa_wipe(all->buffer, text.size);
}

/* Hides what is inside: of a sealed request the reply is a success. */
void vsa_request_finish(struct vsa_requests *all, const struct vsa_request *request,
                        const struct vsa_reply *reply)
{
    const struct vsa_sealed *sealed = request->sealed;
    struct vsa_reply outer = *reply;
    struct vsa_error error;
    if (sealed) {
        outer = (struct vsa_reply){.id = sealed->outer_id};
        enum vsa_status status = seal(sealed, reply, &outer.text, &error);
        wipe_printed(all, reply->text);
        if (status == VSA_ERR_TOO_LARGE) {
            const struct vsa_reply why = vsa_reply_of_error(&error, reply->id, all->buffer);
            status = seal(sealed, &why, &outer.text, &error);
        }
        if (status != VSA_OK)
            outer = vsa_reply_of_error(&error, sealed->outer_id, all->buffer);
    }
    finish(all, request, &outer);
}

void vsa_request_fail(struct vsa_requests *all, const struct vsa_request *request,
                      const struct vsa_error *why)
{
    struct vsa_reply reply = vsa_reply_of_error(why, request->id, all->buffer);
    vsa_request_finish(all, request, &reply);
}
