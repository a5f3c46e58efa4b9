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

/* Prepares for requests. */
void vsa_waiting_init(struct vsa_requests *all);
/* Abandons all that wait. Fine without vsa_waiting_init(). */
void vsa_waiting_close(struct vsa_requests *all);

/* Checks that one more request may wait. Errors: VSA_ERR_BUSY. */
VSA_MUST_USE enum vsa_status vsa_waiting_check_room(const struct vsa_requests *all,
                                                    struct vsa_error *error);

/* Copies the request. Returns NULL when memory is short; until it waits, free() frees it. */
struct vsa_waiter *vsa_waiter_new(struct vsa_requests *all, const struct vsa_request *request);
/* Suspends the stream until it is done; one that waited before goes on in the time it has left. */
void vsa_waiter_wait(struct vsa_waiter *waiter, struct vsa_awaited *awaited);
/* Returns one that waits for it, or NULL. */
static inline struct vsa_waiter *vsa_waiter_first(const struct vsa_awaited *awaited)
{
    struct vsa_link *place = vsa_list_first(&awaited->waiters);
    return place ? VSA_CONTAINER_OF(place, struct vsa_waiter, place) : NULL;
}
/* Frees a waiter whose stream is gone; the work too, if it has not begun and none waits for it. */
void vsa_waiter_abandon(struct vsa_waiter *waiter);
/* Frees a waiter whose request has its reply. */
void vsa_waiter_free(struct vsa_waiter *waiter);

/* Answers all that they were not carried out, or, if begun, may have been. */
void vsa_waiting_give_up(struct vsa_requests *all);

#endif
