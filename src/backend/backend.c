/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/container_of.h"
#include "base/error.h"
#include "base/slice.h"
#include "stream/stream.h"
#include "stream/writing.h"
#include "transport/connect_unix.h"

/* A connection to a backend: what is attached to its stream. */
struct connection {
    struct vsa_link place;       /* among those of its backend that are free */
    struct vsa_backend *backend; /* NULL: it is no backend's any more */
    struct vsa_exchange *exchange;
    struct vsa_stream *stream;
};

struct vsa_backend {
    struct vsa_backends *all;
    struct vsa_address address;
    size_t max_connections;
    struct vsa_link free;    /* connections; the one that was used last comes first */
    struct vsa_link waiting; /* exchanges */
    size_t waiting_count;
    size_t connections; /* open */
    struct vsa_timer pump;
};

struct vsa_backends {
    struct vsa_event_loop *loop;
    struct vsa_backend_limits limits;
    struct vsa_streams *streams;
    struct vsa_timer_list pumps; /* backends whose queue may go on in the next iteration */
    struct vsa_backend *adopting;
    struct connection *adopted;
    size_t count;
    struct vsa_backend backends[VSA_MAX_BACKENDS];
};

/* --- the end of exchanges --------------------------------------------------------------------- */

static void drop_line(struct vsa_exchange *exchange)
{
    if (exchange->line)
        vsa_wipe(exchange->line, exchange->size);
    free(exchange->line);
    exchange->line = NULL;
}

static void fail_exchange(struct vsa_exchange *exchange, const char *detail)
{
    struct vsa_error error;
    vsa_error_set(&error, VSA_ERR_BACKEND, VSA_NO_OFFSET, NULL, "%s", detail);
    drop_line(exchange);
    exchange->backend = NULL;
    exchange->stream = NULL;
    exchange->done(exchange, vsa_slice_of(NULL, 0), &error);
}

static void schedule(struct vsa_backend *backend)
{
    struct vsa_backends *all = backend->all;
    if (!vsa_timer_runs(&backend->pump))
        vsa_timer_start(&all->pumps, &backend->pump, all->loop->now_ms);
}

/* --- connections ------------------------------------------------------------------------------ */

static struct connection *connection_of(struct vsa_stream *stream)
{
    return (void *)stream->attachment;
}

static void on_opened(struct vsa_stream *stream)
{
    struct vsa_backends *all = stream->streams->owner;
    struct connection *connection = connection_of(stream);
    connection->backend = all->adopting;
    connection->stream = stream;
    connection->backend->connections++;
    all->adopted = connection;
}

/* Takes a connection away from its backend; its exchange fails. */
static void part_from(struct connection *connection, const char *detail)
{
    struct vsa_backend *backend = connection->backend;
    struct vsa_exchange *exchange = connection->exchange;
    if (!backend)
        return;
    vsa_list_remove(&connection->place);
    connection->backend = NULL;
    connection->exchange = NULL;
    backend->connections--;
    if (backend->waiting_count)
        schedule(backend);
    if (exchange)
        fail_exchange(exchange, detail);
}

static void on_line(struct vsa_stream *stream, struct vsa_slice line)
{
    struct connection *connection = connection_of(stream);
    struct vsa_exchange *exchange = connection->exchange;
    struct vsa_backend *backend = connection->backend;
    if (!backend)
        return;
    if (!exchange) {
        part_from(connection, "");
        vsa_stream_close(stream, VSA_ERR_REPLY);
        return;
    }
    connection->exchange = NULL;
    exchange->backend = NULL;
    exchange->stream = NULL;
    vsa_list_insert(&backend->free, &connection->place);
    exchange->done(exchange, line, NULL);
    if (backend->waiting_count)
        schedule(backend);
}

static void on_failing(struct vsa_stream *stream, enum vsa_status why, const char *detail)
{
    (void)detail;
    part_from(connection_of(stream), why == VSA_ERR_LINE_TOO_LONG
                                         ? "the backend's reply is too long"
                                         : "the backend sent no complete reply");
}

static void on_closed(struct vsa_stream *stream, enum vsa_status why)
{
    (void)why;
    part_from(connection_of(stream),
              "the backend closed the connection without a reply; it may have carried this out");
}

static const struct vsa_stream_handlers handlers = {on_opened, on_line, on_failing, on_closed};

/* Connects; a Unix socket answers at once. Sets all->adopted. */
static enum vsa_status connect_backend(struct vsa_backend *backend, struct vsa_error *error)
{
    struct vsa_backends *all = backend->all;
    int fd = -1;
    VSA_TRY(vsa_connect_unix_at_once(backend->address.path, &fd, error));
    all->adopting = backend;
    enum vsa_status status = vsa_streams_adopt(all->streams, fd, 0, error);
    if (status != VSA_OK)
        (void)close(fd);
    return status;
}

/* --- sending ---------------------------------------------------------------------------------- */

static void send_on(struct connection *connection, struct vsa_exchange *exchange,
                    struct vsa_slice line)
{
    connection->exchange = exchange;
    exchange->stream = connection->stream;
    vsa_stream_answer(connection->stream, &line, 1);
}

/* Returns whether the backend has sent nothing since its last reply, nor hung up. */
static bool is_quiet(const struct vsa_stream *stream)
{
    char byte;
    return stream->input.size == 0 &&
           recv(stream->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

/*
 * Takes a free connection, or returns NULL. What a backend sends behind its reply would be taken
 * for the next one, which may be another client's: such a connection is closed. One whose line is
 * being handled stays: what follows the line is seen only afterwards.
 */
static struct connection *take_free(struct vsa_backend *backend)
{
    struct connection *current = NULL;
    struct connection *taken = NULL;
    struct vsa_link *place;
    while (!taken && (place = vsa_list_pop(&backend->free))) {
        struct connection *connection = VSA_CONTAINER_OF(place, struct connection, place);
        struct vsa_stream *stream = connection->stream;
        if (stream == stream->streams->current) {
            current = connection;
        } else if (is_quiet(stream)) {
            taken = connection;
        } else {
            part_from(connection, "");
            vsa_stream_close(stream, VSA_ERR_REPLY);
        }
    }
    if (current)
        vsa_list_insert(&backend->free, &current->place);
    return taken;
}

/*
 * Finds a connection, or makes one. `*connection` is NULL when all are in use, or when the backend
 * takes no further one now: those in use will be free.
 * Errors: VSA_ERR_BACKEND.
 */
static enum vsa_status find_connection(struct vsa_backend *backend, struct connection **connection,
                                       struct vsa_error *error)
{
    struct vsa_error why;
    *connection = take_free(backend);
    if (*connection || backend->connections >= backend->max_connections)
        return VSA_OK;
    if (connect_backend(backend, &why) == VSA_OK)
        *connection = backend->all->adopted;
    else if (backend->connections == 0)
        return vsa_fail(error, VSA_ERR_BACKEND, "cannot connect to the backend: %s", why.detail);
    return VSA_OK;
}

static struct vsa_exchange *first_waiting(const struct vsa_backend *backend)
{
    struct vsa_link *place = vsa_list_first(&backend->waiting);
    return place ? VSA_CONTAINER_OF(place, struct vsa_exchange, place) : NULL;
}

static void stop_waiting(struct vsa_exchange *exchange)
{
    if (vsa_link_is_listed(&exchange->place))
        exchange->backend->waiting_count--;
    vsa_list_remove(&exchange->place);
}

/* Begins exchanges that waited for a connection. */
static void on_pump(void *user, struct vsa_timer *timer)
{
    struct vsa_backend *backend = VSA_CONTAINER_OF(timer, struct vsa_backend, pump);
    struct vsa_exchange *exchange;
    struct connection *connection;
    struct vsa_error error;

    (void)user;
    while ((exchange = first_waiting(backend))) {
        enum vsa_status status = find_connection(backend, &connection, &error);
        if (status == VSA_OK && !connection)
            return;
        stop_waiting(exchange);
        if (status != VSA_OK) {
            fail_exchange(exchange, error.detail);
            continue;
        }
        send_on(connection, exchange, vsa_slice_of(exchange->line, exchange->size));
        drop_line(exchange);
    }
}

static enum vsa_status enqueue(struct vsa_backend *backend, struct vsa_exchange *exchange,
                               struct vsa_slice line, struct vsa_error *error)
{
    if (backend->waiting_count >= backend->all->limits.max_queue)
        return vsa_fail(error, VSA_ERR_BUSY,
                        "%zu requests wait for the backend already; try again later",
                        backend->waiting_count);
    exchange->line = malloc(line.size);
    if (!exchange->line)
        return vsa_fail_memory(error);
    memcpy(exchange->line, line.data, line.size);
    exchange->size = line.size;
    vsa_list_append(&backend->waiting, &exchange->place);
    backend->waiting_count++;
    return VSA_OK;
}

enum vsa_status vsa_exchange_begin(struct vsa_backend *backend, struct vsa_exchange *exchange,
                                   struct vsa_slice line, struct vsa_error *error)
{
    struct connection *connection = NULL;
    /* First come, first served. */
    if (!vsa_list_first(&backend->waiting))
        VSA_TRY(find_connection(backend, &connection, error));
    if (!connection)
        VSA_TRY(enqueue(backend, exchange, line, error));
    exchange->backend = backend;
    if (connection)
        send_on(connection, exchange, line);
    return VSA_OK;
}

bool vsa_exchange_is_sent(const struct vsa_exchange *exchange)
{
    return exchange->stream != NULL;
}

void vsa_exchange_cancel(struct vsa_exchange *exchange)
{
    struct vsa_stream *stream = exchange->stream;
    if (!exchange->backend)
        return;
    stop_waiting(exchange);
    drop_line(exchange);
    exchange->backend = NULL;
    exchange->stream = NULL;
    if (!stream)
        return;
    struct connection *connection = connection_of(stream);
    connection->exchange = NULL;
    part_from(connection, "");
    vsa_stream_close(stream, VSA_ERR_TIMEOUT);
}

/* --- begin and end ---------------------------------------------------------------------------- */

enum vsa_status vsa_backends_new(struct vsa_event_loop *loop,
                                 const struct vsa_backend_limits *limits,
                                 struct vsa_backends **backends, struct vsa_error *error)
{
    struct vsa_backends *made = calloc(1, sizeof(*made));
    const struct vsa_stream_limits streams = {
        /* Those that close are freed at the end of the iteration: none must give way. */
        .max_streams = 2 * VSA_MAX_BACKENDS * VSA_MAX_BACKEND_CONNECTIONS,
        .max_line = VSA_MAX_REPLY_LINE,
        .max_buffered = limits->max_buffered,
        .attachment = sizeof(struct connection),
        .idle_timeout_ms = limits->idle_timeout_ms,
        .peers_reply = true,
    };
    if (!made)
        return vsa_fail_memory(error);
    made->loop = loop;
    made->limits = *limits;
    enum vsa_status status =
        vsa_streams_new(loop, &streams, &handlers, made, &made->streams, error);
    if (status != VSA_OK) {
        free(made);
        return status;
    }
    vsa_event_loop_add(loop, &made->pumps, 0, on_pump, made);
    *backends = made;
    return VSA_OK;
}

void vsa_backends_free(struct vsa_backends *backends)
{
    if (!backends)
        return;
    for (size_t i = 0; i < backends->count; i++)
        vsa_timer_stop(&backends->backends[i].pump);
    vsa_streams_free(backends->streams);
    free(backends);
}

enum vsa_status vsa_backend_add(struct vsa_backends *backends, const struct vsa_address *address,
                                size_t max_connections, struct vsa_backend **backend,
                                struct vsa_error *error)
{
    if (address->kind != VSA_ADDRESS_UNIX)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a backend's address is unix:PATH");
    if (max_connections == 0 || max_connections > VSA_MAX_BACKEND_CONNECTIONS)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "connections to a backend must be 1..%d",
                        VSA_MAX_BACKEND_CONNECTIONS);
    if (backends->count == VSA_MAX_BACKENDS)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "more than %d backends", VSA_MAX_BACKENDS);
    *backend = &backends->backends[backends->count++];
    **backend = (struct vsa_backend){
        .all = backends, .address = *address, .max_connections = max_connections};
    return VSA_OK;
}

void vsa_backends_end_iteration(struct vsa_backends *backends)
{
    if (backends)
        vsa_streams_end_iteration(backends->streams);
}
