/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that wait for work, such as a call: until it is done, their time is over, or their
 * stream is gone.
 */
#ifndef VSA_SERVER_WAITING_H
#define VSA_SERVER_WAITING_H

#include "server/request.h"

/* Its stream is suspended for it. */
struct vsa_waiter {
    struct vsa_link place; /* among those that wait for the same */
    struct vsa_timer timer;
    struct vsa_requests *all;
    struct vsa_awaited *awaited;
    struct vsa_request request; /* its id is the next member, its sealed request a reference */
    char id[];                  /* of the line */
};

/* Prepares for requests; vsa_waiting_close() frees those that wait after the worker is gone. */
void vsa_waiting_init(struct vsa_requests *all);
void vsa_waiting_close(struct vsa_requests *all);

/* Returns whether as many requests wait as may. */
bool vsa_waiting_is_full(const struct vsa_requests *all);
/* Returns VSA_ERR_BUSY, for that. */
VSA_MUST_USE enum vsa_status vsa_waiting_fail_full(const struct vsa_requests *all,
                                                   struct vsa_error *error);

/* Copies the request. Returns NULL when memory is short; until it waits, free() frees it. */
struct vsa_waiter *vsa_waiter_new(struct vsa_requests *all, const struct vsa_request *request);
/* Suspends the stream until it is done; one that waited before goes on in the time it has left. */
void vsa_waiter_wait(struct vsa_waiter *waiter, struct vsa_awaited *awaited);
/* Frees a waiter whose stream is gone; the work too, if it has not begun and none waits for it. */
void vsa_waiter_abandon(struct vsa_waiter *waiter);
/* Frees a waiter whose request has its reply. */
void vsa_waiter_free(struct vsa_waiter *waiter);

/* Sends the reply to all that wait for a call, which is done. `members` as in struct vsa_reply. */
void vsa_waiting_answer(struct vsa_requests *all, struct vsa_call *call, const char *members);

/* Answers all that they were not carried out, or, if begun, may have been. */
void vsa_waiting_give_up(struct vsa_requests *all);

#endif
