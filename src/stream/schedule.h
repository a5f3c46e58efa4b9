/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream waits for, and how it ends: with a last line, or at once. */
#ifndef VSA_STREAM_SCHEDULE_H
#define VSA_STREAM_SCHEDULE_H

#include "stream/state.h"

/*
 * Sets the state, events and timer of the stream, or closes its descriptor: it is freed at the end
 * of the iteration. Each turn ends with it.
 */
void vsa_stream_schedule(struct vsa_stream *stream);
/* Has the owner write a last line; once it is sent, the stream lingers. */
void vsa_stream_fail(struct vsa_stream *stream, enum vsa_status why, const char *detail);

#endif
