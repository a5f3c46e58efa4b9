/* SPDX-License-Identifier: Apache-2.0 */
#include "server/internal.h"

#include <errno.h>
#include <sys/socket.h>

/* Bytes sent; 0 when the peer takes none now; -1 when it is gone. */
static ssize_t send_some(const struct vsa_connection *connection, const char *data, size_t size)
{
    ssize_t sent;
    do {
        sent = send(connection->watch.fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
        return 0;
    return sent;
}

static void keep(struct vsa_connection *connection, const char *data, size_t size)
{
    bool was_pending = vsa_output_pending(connection);
    if (size == 0)
        return;
    if (!vsa_memory_keep(connection, &connection->output, data, size)) {
        vsa_connection_close(connection, VSA_ERR_BUSY);
        return;
    }
    if (!was_pending)
        connection->server->unsent++;
}

/* In order: directly if nothing is waiting, else behind what is. */
static void send_or_keep(struct vsa_connection *connection, const char *data, size_t size)
{
    ssize_t sent = vsa_output_pending(connection) ? 0 : send_some(connection, data, size);
    if (sent < 0)
        vsa_connection_close(connection, VSA_ERR_CLOSED);
    else
        keep(connection, data + sent, size - (size_t)sent);
}

char *vsa_output_reserve(struct vsa_connection *connection)
{
    struct vsa_server *server = connection->server;
    if (VSA_OUTPUT_SCRATCH - server->output_size < VSA_MAX_REPLY_LINE)
        vsa_output_flush(connection);
    return server->output_scratch + server->output_size;
}

void vsa_output_commit(struct vsa_connection *connection, size_t size)
{
    connection->server->output_size += size;
}

void vsa_output_flush(struct vsa_connection *connection)
{
    struct vsa_server *server = connection->server;
    size_t size = server->output_size;
    server->output_size = 0;
    if (size > 0 && connection->state != VSA_CONNECTION_CLOSED)
        send_or_keep(connection, server->output_scratch, size);
}

void vsa_output_resume(struct vsa_connection *connection)
{
    struct vsa_buffer *output = &connection->output;
    if (!vsa_output_pending(connection))
        return;
    ssize_t sent = send_some(connection, output->data, output->size);
    if (sent < 0) {
        vsa_connection_close(connection, VSA_ERR_CLOSED);
        return;
    }
    vsa_memory_drop(connection, output, (size_t)sent);
    if (!vsa_output_pending(connection))
        connection->server->unsent--;
}

void vsa_output_drop(struct vsa_connection *connection)
{
    if (vsa_output_pending(connection))
        connection->server->unsent--;
    vsa_memory_drop(connection, &connection->output, connection->output.size);
}
