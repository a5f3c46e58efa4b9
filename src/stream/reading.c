/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/reading.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/slice.h"
#include "stream/memory.h"
#include "stream/schedule.h"
#include "stream/writing.h"

/* Of a peer that sends many lines, what is not handled at once stays in the kernel, not here. */
#define FIRST_READ 4096

static const char too_much[] = "too many unfinished requests; try again later";

/* What lines are taken from: what was just read, or what the stream kept. */
struct input {
    const char *data;
    size_t size;
    size_t taken; /* bytes at the front that were lines */
};

/*
 * Returns the next complete line; without a newline, what came before the end of the input is one
 * too.
 */
static bool next_line(struct vsa_stream *stream, struct input *input, struct vsa_slice *line)
{
    /* Nothing read yet: no address to add to. */
    const char *start = input->size ? input->data + input->taken : "";
    size_t size = input->size - input->taken;
    const char *newline = NULL;
    if (size > stream->scanned)
        newline = memchr(start + stream->scanned, '\n', size - stream->scanned);
    if (!newline && (!stream->input_ended || size == 0)) {
        stream->scanned = (uint32_t)size;
        return false;
    }
    *line = vsa_slice_of(start, newline ? (size_t)(newline - start) : size);
    input->taken += line->size + (newline != NULL);
    stream->scanned = 0;
    return true;
}

/*
 * Handles one line at least, then as many as the slice of time allows: one peer's lines are not
 * others' time.
 */
static void handle_lines(struct vsa_stream *stream, struct input *input)
{
    struct vsa_streams *streams = stream->streams;
    struct vsa_slice line;
    if (stream->evicted && vsa_stream_takes_lines(stream))
        vsa_stream_fail(stream, VSA_ERR_BUSY, too_much);
    while (vsa_stream_takes_lines(stream)) {
        if (!next_line(stream, input, &line)) {
            if (input->size - input->taken >= streams->limits.max_line)
                vsa_stream_fail(stream, VSA_ERR_LINE_TOO_LONG, "the request line is too long");
            return;
        }
        streams->handlers->line(stream, line);
        if (input->taken < input->size && vsa_event_loop_is_over(streams->loop))
            return;
    }
}

/* Keeps what is no line yet, or has no time left. */
static void save_partial_line(struct vsa_stream *stream, const struct input *input)
{
    struct vsa_buffer *kept = &stream->input;
    if (stream->ending || stream->broken)
        vsa_stream_drop(stream, kept, kept->size);
    else if (input->data == kept->data)
        vsa_stream_drop(stream, kept, input->taken);
    else if (!vsa_stream_keep(stream, kept, input->data + input->taken,
                              input->size - input->taken)) {
        if (vsa_stream_takes_lines(stream))
            vsa_stream_fail(stream, VSA_ERR_BUSY, too_much);
        else
            vsa_stream_break_off(stream, VSA_ERR_BUSY);
    }
}

static void take_input(struct vsa_stream *stream, struct input input)
{
    struct vsa_streams *streams = stream->streams;
    streams->current = stream;
    handle_lines(stream, &input);
    vsa_stream_flush(stream);
    streams->current = NULL;
    save_partial_line(stream, &input);
    vsa_stream_schedule(stream);
}

void vsa_stream_work(struct vsa_stream *stream)
{
    take_input(stream, (struct input){stream->input.data, stream->input.size, 0});
}

/* Returns bytes read; 0: none now. Notes the end of the input and a peer that is gone. */
static size_t receive(struct vsa_stream *stream, size_t capacity)
{
    struct vsa_streams *streams = stream->streams;
    ssize_t got;
    do {
        got = recv(stream->watch.fd, streams->input, capacity, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    stream->input_empty = got <= 0;
    if (got == 0)
        stream->input_ended = true;
    else if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        vsa_stream_break_off(stream, VSA_ERR_CLOSED);
    if (got > 0 && streams->draining)
        stream->drained += (uint32_t)got;
    return got > 0 ? (size_t)got : 0;
}

static void read_and_work(struct vsa_stream *stream)
{
    struct vsa_streams *streams = stream->streams;
    struct vsa_buffer *input = &stream->input;
    size_t capacity = streams->limits.max_line - input->size;
    if (input->size == 0 && capacity > FIRST_READ)
        capacity = FIRST_READ;
    size_t size = receive(stream, capacity);
    if (input->size == 0) {
        take_input(stream, (struct input){streams->input, size, 0});
        return;
    }
    if (!vsa_stream_keep(stream, input, streams->input, size))
        vsa_stream_fail(stream, VSA_ERR_BUSY, too_much);
    vsa_stream_work(stream);
}

void vsa_stream_read(struct vsa_stream *stream)
{
    if (stream->state == VSA_STATE_READING && vsa_stream_takes_lines(stream)) {
        read_and_work(stream);
        return;
    }
    if (stream->state == VSA_STATE_LINGERING)
        (void)receive(stream, VSA_MAX_REQUEST_LINE); /* it shall only be able to finish */
    else
        stream->read_paused = true; /* back-pressure: the rest stays in the kernel */
    vsa_stream_schedule(stream);
}

void vsa_stream_run(struct vsa_stream *stream)
{
    if (stream->streams->draining && vsa_stream_takes_lines(stream) &&
        !vsa_stream_has_lines(stream) && !stream->input_ended)
        read_and_work(stream);
    else
        vsa_stream_work(stream);
}
