/* SPDX-License-Identifier: Apache-2.0 */
/* Calls from the loop's side: queued, collected when done, and what they show of the NSM. */
#ifndef VSA_SERVER_CALLS_H
#define VSA_SERVER_CALLS_H

#include "server/waiting.h"

/*
 * Queues a call, which keeps memory of the streams' budget until it is freed.
 * Errors: VSA_ERR_BUSY; the call is the caller's then.
 */
VSA_MUST_USE enum vsa_status vsa_calls_put(struct vsa_requests *all, struct vsa_call *call,
                                           struct vsa_error *error);

/* Takes in what the worker has done, and answers those that waited for it. */
void vsa_calls_collect(struct vsa_requests *all);

/* Has the NSM asked in the background, if what is known of it is old. */
void vsa_calls_probe(struct vsa_requests *all);

#endif
