/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/closing.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/container_of.h"
#include "stream/memory.h"

void vsa_stream_set_phase(struct vsa_stream *stream, enum vsa_stream_phase phase)
{
    vsa_counter *phases = stream->streams->phases;
    if (stream->phase != VSA_STREAM_PHASES)
        vsa_counter_add(&phases[stream->phase], -1);
    if (phase != VSA_STREAM_PHASES)
        vsa_counter_add(&phases[phase], 1);
    stream->phase = phase;
}

void vsa_stream_fail(struct vsa_stream *stream, enum vsa_status why, const char *detail)
{
    stream->streams->handlers->failing(stream, why, detail);
    if (!stream->broken)
        stream->reason = why;
    stream->ending = true;
    vsa_stream_set_phase(stream, VSA_STREAM_CLOSING);
}

void vsa_stream_close(struct vsa_stream *stream, enum vsa_status why)
{
    if (stream->state == VSA_STATE_CLOSED)
        return;
    vsa_stream_break_off(stream, why);
    vsa_stream_make_runnable(stream);
}

/* Keeps the line that a handler looks at until the stream is freed. */
void vsa_stream_end(struct vsa_stream *stream)
{
    struct vsa_streams *streams = stream->streams;
    if (stream->state == VSA_STATE_CLOSED)
        return;
    vsa_stream_set_phase(stream, VSA_STREAM_PHASES);
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

void vsa_stream_free(struct vsa_stream *stream)
{
    vsa_stream_drop(stream, &stream->input, stream->input.size);
    vsa_stream_drop(stream, &stream->output, stream->output.size);
    free(stream);
}

void vsa_streams_end_iteration(struct vsa_streams *streams)
{
    struct vsa_link *place;
    while ((place = vsa_list_pop(&streams->closed)))
        vsa_stream_free(VSA_CONTAINER_OF(place, struct vsa_stream, place));
}
