/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream waits for. */
#ifndef VSA_STREAM_SCHEDULE_H
#define VSA_STREAM_SCHEDULE_H

#include "stream/state.h"

/* Sets the state, events and timer of the stream, or closes it. Each turn ends with it. */
void vsa_stream_schedule(struct vsa_stream *stream);

#endif
