/* SPDX-License-Identifier: Apache-2.0 */
/* What the application is notified of. At the bottom: has no way back into the server. */
#ifndef VSA_SERVER_EVENTS_H
#define VSA_SERVER_EVENTS_H

#include "stream/state.h"
#include <vsattest/server.h>

struct vsa_observer {
    void (*on_event)(void *user, const struct vsa_server_event *event); /* or NULL */
    void *user;
    const vsa_counter *phases; /* of the streams */
};

/* Returns the number of streams that are open. */
uint64_t vsa_observer_connections(const struct vsa_observer *observer);

/* Calls the application, if it wants that; fills in `connections`. */
void vsa_observe(const struct vsa_observer *observer, struct vsa_server_event event);

#endif
