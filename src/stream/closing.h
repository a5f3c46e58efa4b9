/* SPDX-License-Identifier: Apache-2.0 */
/* How streams end: with a last line, or at once. */
#ifndef VSA_STREAM_CLOSING_H
#define VSA_STREAM_CLOSING_H

#include "stream/state.h"

/* Counts the stream in another phase; VSA_STREAM_PHASES: in none. */
void vsa_stream_set_phase(struct vsa_stream *stream, enum vsa_stream_phase phase);

/* Has the owner write a last line; once it is sent, the stream lingers. */
void vsa_stream_fail(struct vsa_stream *stream, enum vsa_status why, const char *detail);
/* Closes the stream in this iteration, without a last line. `closed` is called, with `why`. */
void vsa_stream_close(struct vsa_stream *stream, enum vsa_status why);
/* Closes the descriptor. The stream is freed at the end of the iteration. */
void vsa_stream_end(struct vsa_stream *stream);
/* Frees a stream that is in no list. */
void vsa_stream_free(struct vsa_stream *stream);

/* Frees streams that have closed: call it once after each iteration of the loop. */
void vsa_streams_end_iteration(struct vsa_streams *streams);

#endif
