/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/stream.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/container_of.h"
#include "base/error.h"
#include "stream/memory.h"
#include "stream/reading.h"
#include "stream/schedule.h"
#include "stream/timeout.h"
#include "stream/writing.h"

enum vsa_status vsa_streams_new(struct vsa_event_loop *loop, const struct vsa_stream_limits *limits,
                                const struct vsa_stream_handlers *handlers, void *owner,
                                struct vsa_streams **out, struct vsa_error *error)
{
    struct vsa_streams *streams = calloc(1, sizeof(*streams));
    if (!streams)
        return vsa_fail_memory(error);
    streams->loop = loop;
    streams->limits = *limits;
    streams->handlers = handlers;
    streams->owner = owner;
    streams->budget.limit = limits->max_buffered;
    vsa_streams_add_timers(streams);
    *out = streams;
    return VSA_OK;
}

static void free_stream(struct vsa_link *place)
{
    struct vsa_stream *stream = VSA_CONTAINER_OF(place, struct vsa_stream, place);
    vsa_stream_drop(stream, &stream->input, stream->input.size);
    vsa_stream_drop(stream, &stream->output, stream->output.size);
    free(stream);
}

void vsa_streams_end_iteration(struct vsa_streams *streams)
{
    struct vsa_link *place;
    while ((place = vsa_list_pop(&streams->closed)))
        free_stream(place);
}

void vsa_streams_free(struct vsa_streams *streams)
{
    struct vsa_link *place;
    if (!streams)
        return;
    vsa_streams_end_iteration(streams);
    while ((place = vsa_list_pop(&streams->open))) {
        (void)close(VSA_CONTAINER_OF(place, struct vsa_stream, place)->watch.fd);
        free_stream(place);
    }
    free(streams);
}

/*
 * Returns whether nothing more can come of the stream. After a hang-up both directions are closed,
 * so no reply of ours can be read; one of the peer's can.
 */
static bool has_hung_up(const struct vsa_stream *stream, uint32_t events)
{
    bool has_reply = stream->streams->limits.peers_reply && stream->state == VSA_STATE_READING &&
                     (events & EPOLLIN) && !(events & EPOLLERR);
    return (events & (EPOLLERR | EPOLLHUP)) && !has_reply;
}

static void on_ready(struct vsa_event_watch *watch, uint32_t events)
{
    struct vsa_stream *stream = VSA_CONTAINER_OF(watch, struct vsa_stream, watch);
    if (stream->state == VSA_STATE_CLOSED)
        return;
    if (has_hung_up(stream, events)) {
        vsa_stream_break_off(stream, events & EPOLLERR ? VSA_ERR_CLOSED : VSA_OK);
        vsa_stream_schedule(stream);
    } else if (events & EPOLLOUT) {
        vsa_stream_send_kept(stream);
        vsa_stream_work(stream);
    } else if (events & EPOLLIN) {
        vsa_stream_read(stream);
    }
}

/*
 * Closes the stream that was idle for longest, if there are too many. None whose request is being
 * worked on gives way: the peer could not know how that went.
 */
static bool make_room(struct vsa_streams *streams)
{
    struct vsa_timer *oldest = vsa_timer_first(&streams->idle);
    if (streams->count < streams->limits.max_streams)
        return true;
    if (!oldest)
        return false;
    struct vsa_stream *stream = VSA_CONTAINER_OF(oldest, struct vsa_stream, timer);
    if (vsa_stream_takes_lines(stream))
        vsa_stream_fail(stream, VSA_ERR_CONNECTIONS,
                        "too many connections; this one was idle for longest");
    vsa_stream_break_off(stream, VSA_ERR_CONNECTIONS);
    vsa_stream_schedule(stream); /* it does not linger: its descriptor is what is needed */
    return true;
}

enum vsa_status vsa_streams_adopt(struct vsa_streams *streams, int fd, uint32_t cid,
                                  struct vsa_error *error)
{
    struct vsa_stream *stream = calloc(1, sizeof(*stream) + streams->limits.attachment);
    if (!stream)
        return vsa_fail_memory(error);
    stream->streams = streams;
    stream->watch = (struct vsa_event_watch){.fd = fd, .ready = on_ready};
    enum vsa_status status = VSA_OK;
    if (!make_room(streams))
        status = vsa_fail(error, VSA_ERR_CONNECTIONS,
                          "%zu connections are open already; try again later", streams->count);
    if (status == VSA_OK)
        status = vsa_event_loop_watch(streams->loop, &stream->watch, EPOLLIN, error);
    if (status != VSA_OK) {
        free(stream);
        return status;
    }
    stream->number = ++streams->last_number;
    stream->cid = cid;
    vsa_list_append(&streams->open, &stream->place);
    streams->count++;
    vsa_counter_add(&streams->states[stream->state], 1);
    vsa_stream_schedule(stream);
    streams->handlers->opened(stream);
    return VSA_OK;
}

void vsa_stream_close(struct vsa_stream *stream, enum vsa_status why)
{
    if (stream->state == VSA_STATE_CLOSED)
        return;
    vsa_stream_break_off(stream, why);
    vsa_stream_make_runnable(stream);
}

void vsa_streams_drain(struct vsa_streams *streams)
{
    streams->draining = true;
    struct vsa_link *end = &streams->open;
    for (struct vsa_link *place = end->next; place && place != end; place = place->next) {
        struct vsa_stream *stream = VSA_CONTAINER_OF(place, struct vsa_stream, place);
        stream->input_empty = false;
        if (vsa_stream_takes_lines(stream))
            vsa_stream_make_runnable(stream);
    }
}

bool vsa_streams_are_drained(const struct vsa_streams *streams, bool ignore_unread)
{
    return streams->suspended == 0 && !vsa_timer_first(&streams->runnable) &&
           (ignore_unread || vsa_counter_get(&streams->states[VSA_STATE_SENDING]) == 0);
}

void vsa_streams_close_all(struct vsa_streams *streams, enum vsa_status why)
{
    struct vsa_link *place;
    while ((place = vsa_list_first(&streams->open))) {
        struct vsa_stream *stream = VSA_CONTAINER_OF(place, struct vsa_stream, place);
        vsa_stream_break_off(stream, why);
        vsa_stream_schedule(stream);
    }
}
