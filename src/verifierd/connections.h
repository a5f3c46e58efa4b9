/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections and how long each has made no request whole. The HTTP library's limit is from byte to
 * byte: one that gets a byte now and then, in a field, a chunk's extension or a trailer, would keep
 * its place for days. From any thread.
 */
#ifndef VSA_VERIFIERD_CONNECTIONS_H
#define VSA_VERIFIERD_CONNECTIONS_H

#include <pthread.h>

#include "base/list.h"
#include <vsattest/base.h>

struct vsa_connections {
    pthread_mutex_t mutex;
    struct vsa_link open; /* the one that began to wait first before the others */
};

struct vsa_connection;

void vsa_connections_init(struct vsa_connections *connections);
/* Frees what the list itself has, once all connections have ended. */
void vsa_connections_destroy(struct vsa_connections *connections);

/* Begins a connection; without memory it is shut down, and the result is NULL. */
struct vsa_connection *vsa_connection_begin(struct vsa_connections *connections, int fd);
/* Gives it the whole time again: a request was answered. NULL is fine. */
void vsa_connection_renew(struct vsa_connections *connections, struct vsa_connection *connection);
/* Ends it, before its descriptor is closed. NULL is fine. */
void vsa_connection_end(struct vsa_connections *connections, struct vsa_connection *connection);

/* Shuts down what began to wait longer than `limit_ms` ago. */
void vsa_connections_shut_down_late(struct vsa_connections *connections, int64_t limit_ms);

#endif
