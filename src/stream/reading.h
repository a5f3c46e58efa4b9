/* SPDX-License-Identifier: Apache-2.0 */
/* Takes lines from what a peer sends, a turn at a time. */
#ifndef VSA_STREAM_READING_H
#define VSA_STREAM_READING_H

#include "stream/state.h"

/* Reads once and handles the lines in it; while the stream cannot take lines, stops reading. */
void vsa_stream_read(struct vsa_stream *stream);
/* Handles lines that were read before, without reading. */
void vsa_stream_work(struct vsa_stream *stream);
/* Handles lines that were read before; while draining, reads when there are none. */
void vsa_stream_run(struct vsa_stream *stream);

#endif
