/* SPDX-License-Identifier: Apache-2.0 */
/* What requests wait for: a piece of work in one of the server's threads. */
#ifndef VSA_SERVER_AWAITED_H
#define VSA_SERVER_AWAITED_H

#include "worker/worker.h"

/* Embed it, and set `free`. */
struct vsa_awaited {
    struct vsa_work work;
    struct vsa_worker *worker; /* that has it; set when it is put there */
    struct vsa_link waiters;   /* see server/waiting.h */
    /* Frees all of it: none waits any more, and the worker has let go of it. */
    void (*free)(struct vsa_awaited *awaited);
};

#endif
