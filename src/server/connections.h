/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What connections do besides asking: counted, reported, and answered with a last or only line. The
 * owner of the streams is a struct vsa_requests.
 */
#ifndef VSA_SERVER_CONNECTIONS_H
#define VSA_SERVER_CONNECTIONS_H

#include "server/request.h"

/* Handles an event of a stream, as the next two do. */
void vsa_connection_opened(struct vsa_stream *stream);
void vsa_connection_failing(struct vsa_stream *stream, enum vsa_status why, const char *detail);
void vsa_connection_closed(struct vsa_stream *stream, enum vsa_status why);

/*
 * Reports that a connection was refused, after its only line, or, with `fd` -1, that accepting
 * pauses. Of an acceptor, whose user is a struct vsa_requests.
 */
void vsa_connection_refused(void *user, int fd, const struct vsa_error *why);

#endif
