/* SPDX-License-Identifier: Apache-2.0 */
/* What requests wait for: a piece of work in one of the server's threads, or a backend's reply. */
#ifndef VSA_SERVER_AWAITED_H
#define VSA_SERVER_AWAITED_H

#include "worker/worker.h"

struct vsa_awaited;

/* How to wait for what is in no thread. */
struct vsa_awaited_kind {
    /* Takes it back; returns whether `free` may be called. */
    bool (*withdraw)(struct vsa_awaited *awaited);
    bool (*has_begun)(struct vsa_awaited *awaited);
    const char *late; /* why a request that waited for too long has no reply */
};

/* Embed it, and set `free`. */
struct vsa_awaited {
    struct vsa_work work;
    struct vsa_worker *worker; /* that has it; set when it is put there */
    struct vsa_link waiters;   /* see server/waiting.h */
    /* Frees all of it: none waits any more, and the worker has let go of it. */
    void (*free)(struct vsa_awaited *awaited);
    const struct vsa_awaited_kind *kind; /* NULL: it is in a thread */
};

#endif
