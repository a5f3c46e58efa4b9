/* SPDX-License-Identifier: Apache-2.0 */
/* Replies: collected during a turn, sent together, kept while the peer does not read. */
#ifndef VSA_STREAM_WRITING_H
#define VSA_STREAM_WRITING_H

#include "stream/state.h"

/*
 * Replies to the line that is being handled, or that the stream is suspended for, which goes on
 * then. Without either, sends a line to a peer that is itself a server: the next one is its reply.
 * The parts make one line with its newline, and are copied.
 */
void vsa_stream_answer(struct vsa_stream *stream, const struct vsa_slice *parts, size_t count);
/* Stops handling lines of the stream until this one is answered; called by its line's handler. */
void vsa_stream_suspend(struct vsa_stream *stream, void *pending);

/* Sends what was collected for the stream. */
void vsa_stream_flush(struct vsa_stream *stream);
/* Sends what was kept, as far as the peer takes it. */
void vsa_stream_send_kept(struct vsa_stream *stream);

#endif
