/* SPDX-License-Identifier: Apache-2.0 */
#include "server/connections.h"

#include "base/error.h"
#include "server/waiting.h"

void vsa_connection_opened(struct vsa_stream *stream)
{
    struct vsa_requests *all = stream->streams->owner;
    vsa_counter_add(&all->counters.opened, 1);
    vsa_observe(all, (struct vsa_server_event){.kind = VSA_EVENT_CONNECTION_OPENED,
                                               .connection = stream->number});
}

/* Sends the stream's last line, which answers no request. */
void vsa_connection_failing(struct vsa_stream *stream, enum vsa_status why, const char *detail)
{
    struct vsa_requests *all = stream->streams->owner;
    struct vsa_error error;
    vsa_error_set(&error, why, VSA_NO_OFFSET, NULL, "%s", detail);
    struct vsa_reply reply = vsa_reply_of_error(&error, (struct vsa_slice){0}, all->buffer);
    vsa_reply_send(stream, &reply);
}

void vsa_connection_closed(struct vsa_stream *stream, enum vsa_status why)
{
    const struct vsa_requests *all = stream->streams->owner;
    struct vsa_waiter *waiter = stream->pending;
    if (waiter)
        vsa_waiter_abandon(waiter);
    vsa_observe(all, (struct vsa_server_event){.kind = VSA_EVENT_CONNECTION_CLOSED,
                                               .status = why,
                                               .connection = stream->number});
}

/* Sends one line, which fits into the peer's buffer: a new one's is empty. */
void vsa_connection_refused(void *user, int fd, const struct vsa_error *why)
{
    struct vsa_requests *all = user;
    struct vsa_server_event event = {
        .kind = VSA_EVENT_ACCEPT_PAUSED, .status = VSA_ERR_IO, .detail = why->detail};
    if (fd >= 0) {
        struct vsa_reply reply = vsa_reply_of_error(why, (struct vsa_slice){0}, all->buffer);
        vsa_reply_send_raw(fd, &reply);
        vsa_counter_add(&all->counters.refused, 1);
        event =
            (struct vsa_server_event){.kind = VSA_EVENT_CONNECTION_REFUSED, .status = why->status};
    }
    vsa_observe(all, event);
}
