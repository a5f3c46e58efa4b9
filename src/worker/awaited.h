/* SPDX-License-Identifier: Apache-2.0 */
/* What requests wait for: work in a thread, or a process's reply. */
#ifndef VSA_WORKER_AWAITED_H
#define VSA_WORKER_AWAITED_H

#include <stdbool.h>

#include "base/list.h"

struct vsa_awaited;

struct vsa_awaited_kind {
    /* Called when none waits any more: takes it back and frees it, if it has not begun. */
    void (*abandon)(struct vsa_awaited *awaited);
    bool (*has_begun)(struct vsa_awaited *awaited);
    const char *late; /* why a request that waited for too long has no reply */
};

/* Embed it, and set `kind`. */
struct vsa_awaited {
    const struct vsa_awaited_kind *kind;
    struct vsa_link waiters;
};

#endif
