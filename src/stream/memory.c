/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/memory.h"

#include "base/container_of.h"

static size_t held_by(const struct vsa_stream *stream)
{
    return stream->input.capacity + stream->output.capacity;
}

void vsa_stream_drop(struct vsa_stream *stream, struct vsa_buffer *buffer, size_t size)
{
    size_t before = held_by(stream);
    if (size == 0)
        return;
    vsa_buffer_drop(buffer, size);
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
    size_t after = before - buffer->capacity + vsa_buffer_capacity_for(buffer, size);
    while (!vsa_budget_allows(budget, before, after)) {
        struct vsa_link *share = vsa_budget_largest(budget, after);
        struct vsa_stream *holder =
            share ? VSA_CONTAINER_OF(share, struct vsa_stream, share) : NULL;
        if (!holder || holder == stream || holder == stream->streams->current)
            return false;
        give_way(holder);
    }
    bool kept = vsa_buffer_add(buffer, data, size);
    vsa_budget_change(budget, &stream->share, before, held_by(stream));
    return kept;
}
