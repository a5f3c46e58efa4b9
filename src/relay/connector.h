/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to one address, made for an event loop by a thread: connecting may have to wait, for
 * a name, a multiplexer or a listener that is busy.
 */
#ifndef VSA_RELAY_CONNECTOR_H
#define VSA_RELAY_CONNECTOR_H

#include <pthread.h>

#include "base/list.h"
#include <vsattest/transport.h>

/* One connection that was ordered. */
struct vsa_connecting {
    struct vsa_link entry;
    void *user; /* the loop's; NULL: it was cancelled */
    int fd;     /* -1 after a failure */
    bool done;  /* it is in the queue of those */
    struct vsa_error error;
};

/* Set the first four members before vsa_connector_start(); the rest is its own. */
struct vsa_connector {
    struct vsa_address address;
    int64_t timeout_ms;       /* of one connection */
    void (*done)(void *user); /* in the thread, after each: wakes the loop */
    void *user;

    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct vsa_link waiting;
    struct vsa_link finished;
    bool running;
    bool stopping;
};

/* Starts the thread. Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status vsa_connector_start(struct vsa_connector *connector,
                                                 struct vsa_error *error);
/*
 * Stops the thread, which may still connect for `timeout_ms`, and drops what was ordered. Fine for
 * one that was never started.
 */
void vsa_connector_stop(struct vsa_connector *connector);

/* Orders a connection; returns NULL when memory is short. */
struct vsa_connecting *vsa_connector_order(struct vsa_connector *connector, void *user);

/* Cancels an order that vsa_connector_take() has not returned. */
void vsa_connector_cancel(struct vsa_connector *connector, struct vsa_connecting *order);

/*
 * Returns an order that is done, or NULL. The caller owns it (free()) and its descriptor. Orders
 * that were cancelled are not returned.
 */
struct vsa_connecting *vsa_connector_take(struct vsa_connector *connector);

#endif
