/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/writing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/slice.h"
#include "stream/memory.h"

/* Returns the bytes sent, fewer if the peer takes no more now; notes that it is gone. */
static size_t send_some(struct vsa_stream *stream, const char *data, size_t size)
{
    ssize_t sent;
    do {
        sent = send(stream->watch.fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return (size_t)sent;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)
        vsa_stream_break_off(stream, VSA_ERR_CLOSED);
    return 0;
}

/* Sends in order: directly if nothing waits, else behind what does. */
void vsa_stream_flush(struct vsa_stream *stream)
{
    struct vsa_streams *streams = stream->streams;
    size_t size = streams->scratch_size;
    size_t sent = 0;
    streams->scratch_size = 0;
    if (size > 0 && !vsa_stream_has_output(stream) && !stream->broken)
        sent = send_some(stream, streams->scratch, size);
    if (stream->broken || sent == size)
        return;
    if (!vsa_stream_keep(stream, &stream->output, streams->scratch + sent, size - sent))
        vsa_stream_break_off(stream, VSA_ERR_BUSY);
}

void vsa_stream_send_kept(struct vsa_stream *stream)
{
    struct vsa_buffer *output = &stream->output;
    vsa_stream_drop(stream, output, send_some(stream, output->data, output->size));
    stream->progressed = !vsa_stream_has_output(stream);
}

static void collect(struct vsa_stream *stream, struct vsa_slice part)
{
    struct vsa_streams *streams = stream->streams;
    while (part.size > 0) {
        size_t room = sizeof(streams->scratch) - streams->scratch_size;
        size_t size = part.size < room ? part.size : room;
        if (size == 0)
            vsa_stream_flush(stream);
        memcpy(streams->scratch + streams->scratch_size, part.data, size);
        streams->scratch_size += size;
        part = vsa_slice_of(part.data + size, part.size - size);
    }
}

/*
 * Collects replies to several lines of a turn, which go out together at its end, another stream's
 * at once.
 */
void vsa_stream_answer(struct vsa_stream *stream, const struct vsa_slice *parts, size_t count)
{
    struct vsa_streams *streams = stream->streams;
    bool in_turn = streams->current == stream;
    if (stream->state == VSA_STATE_CLOSED)
        return;
    if (!in_turn && streams->current)
        vsa_stream_flush(streams->current);
    for (size_t i = 0; i < count; i++)
        collect(stream, parts[i]);
    stream->progressed = true;
    if (stream->pending)
        streams->suspended--;
    stream->pending = NULL;
    if (in_turn)
        return;
    vsa_stream_flush(stream);
    vsa_stream_make_runnable(stream);
}

void vsa_stream_suspend(struct vsa_stream *stream, void *pending)
{
    stream->pending = pending;
    stream->streams->suspended++;
}
