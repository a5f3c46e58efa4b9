/* SPDX-License-Identifier: Apache-2.0 */
/* Makes line streams of sockets, and stops them. */
#ifndef VSA_STREAM_STREAM_H
#define VSA_STREAM_STREAM_H

#include "stream/state.h"

/*
 * Makes a set of no streams.
 *
 * limits    in: copied
 * handlers  in: borrowed
 * owner     in: member of the result
 *
 * Errors: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_streams_new(struct vsa_event_loop *loop,
                                             const struct vsa_stream_limits *limits,
                                             const struct vsa_stream_handlers *handlers,
                                             void *owner, struct vsa_streams **streams,
                                             struct vsa_error *error);
/* Closes what is open, without calling handlers. NULL is fine. */
void vsa_streams_free(struct vsa_streams *streams);

/*
 * Makes a stream of a non-blocking socket, which it owns from now on, but for a failure. When there
 * are too many, the one that has been idle for longest gives way.
 *
 * cid  in: of the peer; 0: it has none
 *
 * Errors: VSA_ERR_CONNECTIONS (too many, and none is idle), VSA_ERR_MEMORY, VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_streams_adopt(struct vsa_streams *streams, int fd, uint32_t cid,
                                               struct vsa_error *error);

/* Closes the stream in this iteration, without a last line. `closed` is called, with `why`. */
void vsa_stream_close(struct vsa_stream *stream, enum vsa_status why);
/* Frees streams that have closed: call it once after each iteration of the loop. */
void vsa_streams_end_iteration(struct vsa_streams *streams);

/* Has streams answer what their peers have sent until now, then close. */
void vsa_streams_drain(struct vsa_streams *streams);
/* Returns whether all lines are answered, and with `ignore_unread` false, all replies sent. */
bool vsa_streams_are_drained(const struct vsa_streams *streams, bool ignore_unread);
void vsa_streams_close_all(struct vsa_streams *streams, enum vsa_status why);

#endif
