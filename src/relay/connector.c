/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/connector.h"

#include <signal.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/container_of.h"
#include "base/error.h"

static void lock(struct vsa_connector *connector)
{
    (void)pthread_mutex_lock(&connector->lock);
}

static void unlock(struct vsa_connector *connector)
{
    (void)pthread_mutex_unlock(&connector->lock);
}

static struct vsa_connecting *pop(struct vsa_link *queue)
{
    struct vsa_link *entry = vsa_list_pop(queue);
    return entry ? VSA_CONTAINER_OF(entry, struct vsa_connecting, entry) : NULL;
}

static void drop(struct vsa_connecting *order)
{
    vsa_cleanup_fd(&order->fd);
    free(order);
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Waits for the next order; NULL at the end. */
static struct vsa_connecting *next_order(struct vsa_connector *connector)
{
    struct vsa_connecting *order = NULL;
    lock(connector);
    while (!connector->stopping && !(order = pop(&connector->waiting)))
        (void)pthread_cond_wait(&connector->changed, &connector->lock);
    unlock(connector);
    return order;
}

static void *run(void *argument)
{
    struct vsa_connector *connector = argument;
    struct vsa_connecting *order;
    while ((order = next_order(connector))) {
        if (vsa_connect(&connector->address, vsa_deadline(connector->timeout_ms), &order->fd,
                        &order->error) != VSA_OK)
            order->fd = -1;
        lock(connector);
        order->done = true;
        vsa_list_append(&connector->finished, &order->entry);
        unlock(connector);
        connector->done(connector->user);
    }
    return NULL;
}

/* --- the loop --------------------------------------------------------------------------------- */

enum vsa_status vsa_connector_start(struct vsa_connector *connector, struct vsa_error *error)
{
    sigset_t all;
    sigset_t before;
    /* These cannot fail with default attributes (glibc and musl). */
    (void)pthread_mutex_init(&connector->lock, NULL);
    (void)pthread_cond_init(&connector->changed, NULL);
    /* Signals are for the program's thread. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&connector->thread, NULL, run, connector);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    connector->running = number == 0;
    if (number != 0)
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "pthread_create(3)", "%s",
                           strerror(number));
    return VSA_OK;
}

void vsa_connector_stop(struct vsa_connector *connector)
{
    struct vsa_connecting *order;
    if (!connector->running)
        return;
    lock(connector);
    connector->stopping = true;
    (void)pthread_cond_signal(&connector->changed);
    unlock(connector);
    (void)pthread_join(connector->thread, NULL);
    while ((order = pop(&connector->waiting)) || (order = pop(&connector->finished)))
        drop(order);
    (void)pthread_cond_destroy(&connector->changed);
    (void)pthread_mutex_destroy(&connector->lock);
    connector->running = false;
}

struct vsa_connecting *vsa_connector_order(struct vsa_connector *connector, void *user)
{
    struct vsa_connecting *order = calloc(1, sizeof(*order));
    if (!order)
        return NULL;
    order->user = user;
    order->fd = -1;
    lock(connector);
    vsa_list_append(&connector->waiting, &order->entry);
    (void)pthread_cond_signal(&connector->changed);
    unlock(connector);
    return order;
}

void vsa_connector_cancel(struct vsa_connector *connector, struct vsa_connecting *order)
{
    lock(connector);
    bool waits = !order->done && vsa_link_is_listed(&order->entry);
    if (waits)
        vsa_list_remove(&order->entry);
    order->user = NULL;
    unlock(connector);
    if (waits)
        drop(order);
}

struct vsa_connecting *vsa_connector_take(struct vsa_connector *connector)
{
    for (;;) {
        lock(connector);
        struct vsa_connecting *order = pop(&connector->finished);
        unlock(connector);
        if (!order || order->user)
            return order;
        drop(order);
    }
}
