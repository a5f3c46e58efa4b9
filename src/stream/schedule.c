/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/schedule.h"

#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "stream/closing.h"

/* Above what a socket holds: with more than this since the drain began, the peer goes on sending.
 */
#define MAX_DRAINED (1024 * 1024)
#define NO_TIMER    SIZE_MAX

static const struct {
    uint16_t events;
    enum vsa_stream_phase phase;
    size_t timers; /* offset of its timer list */
} rows[] = {
    [VSA_STATE_READING] = {EPOLLIN, VSA_STREAM_IDLE, offsetof(struct vsa_streams, idle)},
    /* Until it is readable: read_paused. No system call for most, here and while suspended. */
    [VSA_STATE_RUNNABLE] = {EPOLLIN, VSA_STREAM_IDLE, offsetof(struct vsa_streams, runnable)},
    [VSA_STATE_SUSPENDED] = {EPOLLIN, VSA_STREAM_BUSY, NO_TIMER}, /* its owner has a limit */
    /* Not EPOLLIN: it would wake us. */
    [VSA_STATE_SENDING] = {EPOLLOUT, VSA_STREAM_SENDING, offsetof(struct vsa_streams, idle)},
    [VSA_STATE_LINGERING] = {EPOLLIN, VSA_STREAM_CLOSING, offsetof(struct vsa_streams, lingering)},
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
        if (streams->draining && stream->reason == VSA_OK && !stream->input_ended)
            stream->reason = VSA_ERR_SHUTTING_DOWN;
        vsa_stream_end(stream);
        return;
    }
    stream->state = state;
    if (state == VSA_STATE_READING || state == VSA_STATE_LINGERING)
        stream->read_paused = false;
    vsa_stream_set_phase(stream, stream->ending ? VSA_STREAM_CLOSING : rows[state].phase);
    set_timer(stream, before);
    uint32_t events = rows[state].events;
    if ((events & EPOLLIN) && (stream->read_paused || stream->input_ended))
        events = 0;
    if (vsa_event_loop_watch(streams->loop, &stream->watch, events, NULL) != VSA_OK) {
        vsa_stream_break_off(stream, VSA_ERR_IO);
        vsa_stream_end(stream);
    }
}
