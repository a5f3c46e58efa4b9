/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/container_of.h"

/* --- one buffer ------------------------------------------------------------------------------- */

/*
 * Allows what is exact at first, since most lines and replies come in one piece; then an eighth
 * more, so that a line in small pieces is not copied once for each of them. Doubling would take
 * twice the memory that is budgeted for.
 */
static size_t capacity_for(const struct vsa_buffer *buffer, size_t size)
{
    size_t needed = (size_t)buffer->size + size;
    if (needed <= buffer->capacity)
        return buffer->capacity;
    return buffer->size == 0 ? needed : needed + needed / 8;
}

static bool resize(struct vsa_buffer *buffer, size_t capacity)
{
    char *data = capacity <= UINT32_MAX ? realloc(buffer->data, capacity) : NULL;
    if (!data)
        return false;
    buffer->data = data;
    buffer->capacity = (uint32_t)capacity;
    return true;
}

static bool add(struct vsa_buffer *buffer, const char *data, size_t size)
{
    size_t capacity = capacity_for(buffer, size);
    if (capacity != buffer->capacity && !resize(buffer, capacity))
        return false;
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += (uint32_t)size;
    return true;
}

static void drop(struct vsa_buffer *buffer, size_t size)
{
    buffer->size -= (uint32_t)size;
    if (buffer->size == 0) {
        free(buffer->data);
        *buffer = (struct vsa_buffer){0};
        return;
    }
    memmove(buffer->data, buffer->data + size, buffer->size);
    /* Shrinking: that it fails costs only the memory. */
    if (buffer->size <= buffer->capacity / 4)
        (void)resize(buffer, buffer->size);
}

/* --- those of a stream ------------------------------------------------------------------------ */

static size_t held_by(const struct vsa_stream *stream)
{
    return stream->input.capacity + stream->output.capacity;
}

void vsa_stream_drop(struct vsa_stream *stream, struct vsa_buffer *buffer, size_t size)
{
    size_t before = held_by(stream);
    if (size == 0)
        return;
    drop(buffer, size);
    vsa_budget_change(&stream->streams->budget, &stream->share, before, held_by(stream));
}

/*
 * Marks the stream to fail later: the other one's reply may be in a buffer of the owner's, as a
 * last line would.
 */
static void give_way(struct vsa_stream *stream)
{
    if (stream->state == VSA_STATE_READING && vsa_stream_takes_lines(stream))
        stream->evicted = true;
    else
        vsa_stream_break_off(stream, VSA_ERR_BUSY);
    vsa_stream_drop(stream, &stream->input, stream->input.size);
    if (stream->broken)
        vsa_stream_drop(stream, &stream->output, stream->output.size);
    vsa_stream_make_runnable(stream);
}

bool vsa_stream_keep(struct vsa_stream *stream, struct vsa_buffer *buffer, const char *data,
                     size_t size)
{
    struct vsa_budget *budget = &stream->streams->budget;
    if (size == 0)
        return true;
    size_t before = held_by(stream);
    size_t after = before - buffer->capacity + capacity_for(buffer, size);
    while (!vsa_budget_allows(budget, before, after)) {
        struct vsa_link *share = vsa_budget_largest(budget, after);
        struct vsa_stream *holder =
            share ? VSA_CONTAINER_OF(share, struct vsa_stream, share) : NULL;
        if (!holder || holder == stream || holder == stream->streams->current)
            return false;
        give_way(holder);
    }
    bool kept = add(buffer, data, size);
    vsa_budget_change(budget, &stream->share, before, held_by(stream));
    return kept;
}
