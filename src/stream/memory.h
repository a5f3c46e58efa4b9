/* SPDX-License-Identifier: Apache-2.0 */
/* A stream's buffers, within the budget of all. */
#ifndef VSA_STREAM_MEMORY_H
#define VSA_STREAM_MEMORY_H

#include "stream/state.h"

/*
 * Adds to a buffer of the stream; where the budget is used up, the stream that holds most gives
 * way. Returns false if that is this one, or memory is short.
 */
bool vsa_stream_keep(struct vsa_stream *stream, struct vsa_buffer *buffer, const char *data,
                     size_t size);
/* Drops bytes from the front of a buffer of the stream. */
void vsa_stream_drop(struct vsa_stream *stream, struct vsa_buffer *buffer, size_t size);

#endif
