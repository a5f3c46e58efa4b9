/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/connections.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/container_of.h"

struct vsa_connection {
    struct vsa_link place; /* in no list: it was shut down */
    int fd;                /* borrowed */
    int64_t since_ms;      /* its beginning, or its last answer; monotonic */
};

void vsa_connections_init(struct vsa_connections *connections)
{
    *connections = (struct vsa_connections){0};
    /* Cannot fail with default attributes (glibc and musl). */
    (void)pthread_mutex_init(&connections->mutex, NULL);
}

void vsa_connections_destroy(struct vsa_connections *connections)
{
    (void)pthread_mutex_destroy(&connections->mutex);
}

/* Puts it behind all others, whose time began before. */
static void append(struct vsa_connections *connections, struct vsa_connection *connection)
{
    connection->since_ms = vsa_monotonic_ms();
    vsa_list_append(&connections->open, &connection->place);
}

struct vsa_connection *vsa_connection_begin(struct vsa_connections *connections, int fd)
{
    struct vsa_connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        (void)shutdown(fd, SHUT_RDWR);
        return NULL;
    }
    connection->fd = fd;
    (void)pthread_mutex_lock(&connections->mutex);
    append(connections, connection);
    (void)pthread_mutex_unlock(&connections->mutex);
    return connection;
}

void vsa_connection_renew(struct vsa_connections *connections, struct vsa_connection *connection)
{
    if (!connection)
        return;
    (void)pthread_mutex_lock(&connections->mutex);
    if (vsa_link_is_listed(&connection->place)) {
        vsa_list_remove(&connection->place);
        append(connections, connection);
    }
    (void)pthread_mutex_unlock(&connections->mutex);
}

void vsa_connection_end(struct vsa_connections *connections, struct vsa_connection *connection)
{
    if (!connection)
        return;
    (void)pthread_mutex_lock(&connections->mutex);
    vsa_list_remove(&connection->place);
    (void)pthread_mutex_unlock(&connections->mutex);
    free(connection);
}

void vsa_connections_shut_down_late(struct vsa_connections *connections, int64_t limit_ms)
{
    struct vsa_link *place;
    int64_t now_ms = vsa_monotonic_ms();
    (void)pthread_mutex_lock(&connections->mutex);
    while ((place = vsa_list_first(&connections->open))) {
        struct vsa_connection *first = VSA_CONTAINER_OF(place, struct vsa_connection, place);
        if (now_ms - first->since_ms <= limit_ms)
            break;
        vsa_list_remove(place);
        (void)shutdown(first->fd, SHUT_RDWR);
    }
    (void)pthread_mutex_unlock(&connections->mutex);
}
