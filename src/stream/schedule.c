/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/schedule.h"

#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream/memory.h"

/* Above what a socket holds: with more than this since the drain began, the peer goes on sending.
 */
#define MAX_DRAINED (1024 * 1024)
#define NO_TIMER    SIZE_MAX

static const struct {
    uint16_t events;
    size_t timers; /* offset of its timer list */
} rows[] = {
    [VSA_STATE_READING] = {EPOLLIN, offsetof(struct vsa_streams, idle)},
    /* Until it is readable: read_paused. No system call for most, here and while suspended. */
    [VSA_STATE_RUNNABLE] = {EPOLLIN, offsetof(struct vsa_streams, runnable)},
    [VSA_STATE_SUSPENDED] = {EPOLLIN, NO_TIMER}, /* its owner has a limit */
    /* Not EPOLLIN: it would wake us. */
    [VSA_STATE_SENDING] = {EPOLLOUT, offsetof(struct vsa_streams, idle)},
    [VSA_STATE_LINGERING] = {EPOLLIN, offsetof(struct vsa_streams, lingering)},
};

static enum vsa_stream_state next_state(const struct vsa_stream *stream)
{
    if (stream->broken)
        return VSA_STATE_CLOSED;
    if (vsa_stream_has_output(stream))
        return VSA_STATE_SENDING;
    if (stream->ending)
        return stream->input_ended ? VSA_STATE_CLOSED : VSA_STATE_LINGERING;
    if (stream->pending)
        return VSA_STATE_SUSPENDED;
    if (vsa_stream_has_lines(stream) || (stream->input_ended && stream->input.size > 0))
        return VSA_STATE_RUNNABLE;
    if (stream->input_ended)
        return VSA_STATE_CLOSED;
    if (!stream->streams->draining)
        return VSA_STATE_READING;
    return stream->input_empty || stream->drained > MAX_DRAINED ? VSA_STATE_CLOSED
                                                                : VSA_STATE_RUNNABLE;
}

/*
 * Starts or stops the timer. The idle time counts from the last reply, whatever single bytes come
 * or go.
 */
static void set_timer(struct vsa_stream *stream, enum vsa_stream_state before)
{
    struct vsa_streams *streams = stream->streams;
    size_t timers = rows[stream->state].timers;
    if (timers == NO_TIMER)
        vsa_timer_stop(&stream->timer);
    else if (stream->progressed || !vsa_timer_runs(&stream->timer) || timers != rows[before].timers)
        vsa_timer_start((void *)((char *)streams + timers), &stream->timer, streams->loop->now_ms);
    stream->progressed = false;
}

/* Closes the descriptor. Keeps the line that a handler looks at until the stream is freed. */
static void end(struct vsa_stream *stream)
{
    struct vsa_streams *streams = stream->streams;
    vsa_counter_add(&streams->states[stream->state], -1);
    stream->state = VSA_STATE_CLOSED;
    streams->count--;
    streams->suspended -= stream->pending != NULL;
    vsa_timer_stop(&stream->timer);
    vsa_event_loop_unwatch(streams->loop, &stream->watch);
    (void)close(stream->watch.fd);
    vsa_list_remove(&stream->place);
    vsa_list_append(&streams->closed, &stream->place);
    streams->handlers->closed(stream, stream->reason);
    stream->pending = NULL;
    vsa_stream_drop(stream, &stream->output, stream->output.size);
    if (streams->current != stream)
        vsa_stream_drop(stream, &stream->input, stream->input.size);
    if (streams->freed)
        streams->freed(streams->freed_user);
}

void vsa_stream_fail(struct vsa_stream *stream, enum vsa_status why, const char *detail)
{
    stream->streams->handlers->failing(stream, why, detail);
    if (!stream->broken)
        stream->reason = why;
    stream->ending = true;
}

void vsa_stream_schedule(struct vsa_stream *stream)
{
    struct vsa_streams *streams = stream->streams;
    enum vsa_stream_state before = stream->state;
    if (before == VSA_STATE_CLOSED)
        return;
    enum vsa_stream_state state = next_state(stream);
    if (state == VSA_STATE_LINGERING && before != VSA_STATE_LINGERING &&
        shutdown(stream->watch.fd, SHUT_WR) < 0)
        state = VSA_STATE_CLOSED;
    if (state == VSA_STATE_CLOSED) {
        if (!stream->broken && !stream->ending && !stream->input_ended) /* it is drained */
            stream->reason = VSA_ERR_SHUTTING_DOWN;
        end(stream);
        return;
    }
    vsa_counter_add(&streams->states[before], -1);
    vsa_counter_add(&streams->states[state], 1);
    stream->state = state;
    if (state == VSA_STATE_READING || state == VSA_STATE_LINGERING)
        stream->read_paused = false;
    set_timer(stream, before);
    uint32_t events = rows[state].events;
    if ((events & EPOLLIN) && (stream->read_paused || stream->input_ended))
        events = 0;
    if (vsa_event_loop_watch(streams->loop, &stream->watch, events, NULL) != VSA_OK) {
        vsa_stream_break_off(stream, VSA_ERR_IO);
        end(stream);
    }
}
