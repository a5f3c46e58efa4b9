/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's life: it learns how the NSM is, accepts, and once stopped drains: it answers what is
 * in flight, then what its streams have, and leaves a moment for peers to read that.
 */
#ifndef VSA_SERVER_LIFECYCLE_H
#define VSA_SERVER_LIFECYCLE_H

#include <stdatomic.h>

#include "server/request.h"
#include "stream/acceptor.h"

enum vsa_lifecycle_state {
    VSA_LIFECYCLE_NEW,
    VSA_LIFECYCLE_BEGINNING, /* waits for the first probe */
    VSA_LIFECYCLE_SERVING,
    VSA_LIFECYCLE_DRAINING,  /* answers what is in flight */
    VSA_LIFECYCLE_ENDING,    /* nothing is; streams answer what they have, and close */
    VSA_LIFECYCLE_LINGERING, /* waits for peers to read */
    VSA_LIFECYCLE_ENDED,
};

/* Set the first member; the rest is its own, and zeroed. */
struct vsa_lifecycle {
    struct vsa_requests *requests;

    struct vsa_acceptor acceptor;
    struct vsa_timer_list limits; /* of one timer: for the present state */
    struct vsa_timer limit;
    enum vsa_lifecycle_state state;
    enum vsa_status result; /* of the whole life */
    atomic_bool stop;
};

/*
 * Runs the server on the caller's thread until it has stopped and drained. Returns at once when it
 * ran before (VSA_ERR_ARGUMENT).
 *
 * listener  in: its connections are accepted; closed when the server stops
 *
 * Errors: VSA_ERR_IO; VSA_ERR_TIMEOUT, requests were in flight when the drain time was over.
 */
VSA_MUST_USE enum vsa_status vsa_lifecycle_run(struct vsa_lifecycle *lifecycle,
                                               struct vsa_listener *listener,
                                               struct vsa_error *error);

/*
 * Handles a wake-up of the loop, whose user is the lifecycle: the worker is done with something, or
 * the server shall stop.
 */
void vsa_lifecycle_woken(void *user);

/* Begins to drain. Any thread or signal handler. */
void vsa_lifecycle_stop(struct vsa_lifecycle *lifecycle);

#endif
