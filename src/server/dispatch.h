/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a line to a reply or into the queue: command, sharing, rate limit, run here or queue. The
 * only file that sees all of them; streams call it by pointers.
 */
#ifndef VSA_SERVER_DISPATCH_H
#define VSA_SERVER_DISPATCH_H

#include "server/request.h"

/* What streams have for their owner (struct vsa_stream_limits). */
#define VSA_DISPATCH_ATTACHMENT (2 * sizeof(struct vsa_bucket))

/* Of streams whose owner is a struct vsa_requests. */
extern const struct vsa_stream_handlers vsa_dispatch_handlers;

/* Dispatches what sealed requests hold, once they are opened. */
void vsa_dispatch_opened(struct vsa_requests *all);

/* Frees what is kept, before the worker and its threads; fine without vsa_waiting_init(). */
void vsa_dispatch_close(struct vsa_requests *all);

#endif
