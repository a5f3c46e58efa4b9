/* SPDX-License-Identifier: Apache-2.0 */
#include "server/internal.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/monotonic.h"

/* Reads while the server ends: more than a socket holds, so a peer that goes on is not awaited. */
#define MAX_LAST_READS 8

/* What a connection has to work on: the scratch just read into, or what it kept. */
struct turn {
    const char *data;
    size_t size;
    size_t taken; /* bytes at the front that were lines */
};

struct vsa_connection *vsa_connection_of(struct vsa_deadline *entry)
{
    return (struct vsa_connection *)(void *)((char *)entry -
                                             offsetof(struct vsa_connection, deadline));
}

static struct vsa_connection *connection_of_watch(struct vsa_watch *watch)
{
    return (struct vsa_connection *)(void *)((char *)watch -
                                             offsetof(struct vsa_connection, watch));
}

static bool is_closed(const struct vsa_connection *connection)
{
    return connection->state == VSA_CONNECTION_CLOSED;
}

/* Its next request must wait: for the one in flight, or until the peer reads its replies. */
static bool is_blocked(const struct vsa_connection *connection)
{
    return connection->waiter || vsa_output_pending(connection);
}

/* --- closing ---------------------------------------------------------------------------------- */

void vsa_connection_bury(struct vsa_server *server)
{
    while (server->closed) {
        struct vsa_connection *connection = server->closed;
        server->closed = connection->next_closed;
        /* Not when it closed: the frames that closed it may still look at a line in there. */
        vsa_buffer_drop(&connection->input, connection->input.size);
        free(connection);
    }
}

void vsa_connection_close(struct vsa_connection *connection, enum vsa_status reason)
{
    struct vsa_server *server = connection->server;
    if (is_closed(connection))
        return;
    connection->state = VSA_CONNECTION_CLOSED;
    vsa_jobs_abandon(connection);
    vsa_deadlines_remove(&connection->deadline);
    vsa_output_drop(connection);
    vsa_budget_set(&server->budget, &connection->share, 0); /* the input goes with this turn */
    vsa_loop_unwatch(&server->loop, &connection->watch);
    (void)close(connection->watch.fd);
    vsa_accept_resume(server);
    connection->next_closed = server->closed;
    server->closed = connection;
    server->connections--;
    vsa_statistic_down(&server->statistics->phases[connection->phase]);
    vsa_server_tell(server, (struct vsa_server_event){.kind = VSA_EVENT_CONNECTION_CLOSED,
                                                      .connection = connection->number,
                                                      .status = reason});
}

/* The last reply is sent. Whoever still writes must be able to read why we stop. */
static void finish(struct vsa_connection *connection)
{
    if (connection->input_ended || connection->server->ending ||
        shutdown(connection->watch.fd, SHUT_WR) < 0) {
        vsa_connection_close(connection, connection->reason);
        return;
    }
    connection->state = VSA_CONNECTION_LINGERING;
    connection->deaf = false;
}

static void refuse(struct vsa_connection *connection, enum vsa_status reason, const char *detail)
{
    struct vsa_error error;
    vsa_error_set(&error, reason, VSA_NO_OFFSET, NULL, "%s", detail);
    vsa_dispatch_error(connection, &error, NULL);
    if (is_closed(connection))
        return;
    connection->state = VSA_CONNECTION_CLOSING;
    connection->reason = reason;
}

/* --- lines ------------------------------------------------------------------------------------ */

static bool is_too_long(const struct vsa_connection *connection, size_t size)
{
    return size >= connection->server->options.max_line;
}

/* The next complete line; without a newline, what came before the end of the input is one too. */
static bool next_line(struct vsa_connection *connection, struct turn *turn, struct vsa_slice *line)
{
    /* Nothing read yet: no address to add to. */
    const char *start = turn->size ? turn->data + turn->taken : "";
    size_t size = turn->size - turn->taken;
    const char *newline = NULL;
    if (size > connection->scanned)
        newline = memchr(start + connection->scanned, '\n', size - connection->scanned);
    if (newline) {
        *line = vsa_slice_of(start, (size_t)(newline - start));
        turn->taken += line->size + 1;
        connection->scanned = 0;
        return true;
    }
    connection->scanned = size;
    if (!connection->input_ended || size == 0)
        return false;
    *line = vsa_slice_of(start, size);
    turn->taken = turn->size;
    connection->scanned = 0;
    return true;
}

/* The more connections the kernel named, the less each has: a new one among them waits for all. */
static int64_t turn_us(const struct vsa_server *server)
{
    int64_t share = VSA_ROUND_US / (server->loop.events > 0 ? server->loop.events : 1);
    return share < VSA_TURN_US ? share : VSA_TURN_US;
}

static void answer_lines(struct vsa_connection *connection, struct turn *turn)
{
    struct vsa_slice line;
    int64_t until_us = vsa_monotonic_us() + turn_us(connection->server);
    do {
        if (connection->state != VSA_CONNECTION_OPEN || is_blocked(connection))
            return;
        if (!next_line(connection, turn, &line)) {
            if (is_too_long(connection, turn->size - turn->taken))
                refuse(connection, VSA_ERR_LINE_TOO_LONG, "the request line is too long");
            return;
        }
        vsa_dispatch_line(connection, line);
    } while (vsa_monotonic_us() < until_us);
}

/* Keeps what is no line yet. */
static void keep_rest(struct vsa_connection *connection, const struct turn *turn)
{
    struct vsa_buffer *input = &connection->input;
    if (is_closed(connection))
        return;
    if (connection->state != VSA_CONNECTION_OPEN) {
        vsa_memory_drop(connection, input, input->size);
    } else if (turn->data == input->data) {
        vsa_memory_drop(connection, input, turn->taken);
    } else if (!vsa_memory_keep(connection, input, turn->data + turn->taken,
                                turn->size - turn->taken)) {
        refuse(connection, VSA_ERR_BUSY, "too many unfinished requests; try again later");
    }
}

/* --- what happens next ------------------------------------------------------------------------ */

static bool has_more_lines(const struct vsa_connection *connection)
{
    return connection->state == VSA_CONNECTION_OPEN && !is_blocked(connection) &&
           connection->input.size > connection->scanned;
}

static void watch(struct vsa_connection *connection)
{
    uint32_t events = 0;
    /*
     * Not both: nothing is read from a peer that does not read, and what it sends would wake us.
     * Nor while lines are left: its turn comes anyway, and it would stand before new connections.
     */
    if (vsa_output_pending(connection))
        events = EPOLLOUT;
    else if (!connection->input_ended && !connection->deaf && !has_more_lines(connection))
        events = EPOLLIN;
    if (vsa_loop_watch(&connection->server->loop, &connection->watch, events, NULL) != VSA_OK)
        vsa_connection_close(connection, VSA_ERR_IO);
}

/* Puts it into the list of what it waits for. */
static void set_limit(struct vsa_connection *connection)
{
    struct vsa_server *server = connection->server;
    bool listed = connection->deadline.next != NULL;
    if (connection->state == VSA_CONNECTION_LINGERING ||
        (server->ending && vsa_output_pending(connection)))
        vsa_server_limit(server, &server->lingering, &connection->deadline);
    else if (connection->waiter)
        vsa_deadlines_append(&server->busy, &connection->deadline, 0);
    else if (has_more_lines(connection) || server->ending)
        vsa_server_limit(server, &server->ready, &connection->deadline);
    else if (connection->answered || !listed)
        vsa_server_limit(server, &server->idle, &connection->deadline);
    connection->answered = false;
}

static enum vsa_connection_phase phase_of(const struct vsa_connection *connection)
{
    if (connection->state != VSA_CONNECTION_OPEN)
        return VSA_PHASE_CLOSING;
    if (vsa_output_pending(connection))
        return VSA_PHASE_SENDING;
    return connection->waiter ? VSA_PHASE_BUSY : VSA_PHASE_IDLE;
}

static void count_phase(struct vsa_connection *connection)
{
    enum vsa_connection_phase phase = phase_of(connection);
    vsa_statistic *phases = connection->server->statistics->phases;
    if (phase == connection->phase)
        return;
    vsa_statistic_down(&phases[connection->phase]);
    vsa_statistic_up(&phases[phase]);
    connection->phase = phase;
}

static void schedule(struct vsa_connection *connection)
{
    if (!is_blocked(connection))
        connection->deaf = false;
    if (connection->state == VSA_CONNECTION_OPEN && connection->input_ended &&
        !is_blocked(connection) && connection->input.size == 0) {
        vsa_connection_close(connection, VSA_OK);
        return;
    }
    count_phase(connection);
    set_limit(connection);
    watch(connection);
}

/* One turn: answers what there is to answer, sends it, decides what to wait for. */
static void work(struct vsa_connection *connection, struct turn *turn)
{
    answer_lines(connection, turn);
    keep_rest(connection, turn);
    vsa_output_flush(connection);
    if (connection->state == VSA_CONNECTION_CLOSING && !vsa_output_pending(connection))
        finish(connection);
    if (!is_closed(connection))
        schedule(connection);
}

static void work_on_input(struct vsa_connection *connection)
{
    struct turn turn = {connection->input.data, connection->input.size, 0};
    work(connection, &turn);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Bytes read; 0 when there are none now. Notices the end of the input and a peer that is gone. */
static size_t receive(struct vsa_connection *connection, size_t capacity)
{
    char *scratch = connection->server->input_scratch;
    ssize_t got;
    do {
        got = recv(connection->watch.fd, scratch, capacity, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got > 0)
        return (size_t)got;
    if (got == 0)
        connection->input_ended = true;
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        vsa_connection_close(connection, VSA_ERR_CLOSED);
    return 0;
}

/* Its words no longer matter; it shall only be able to finish them. */
static void discard(struct vsa_connection *connection)
{
    (void)receive(connection, VSA_MAX_REQUEST_LINE);
    if (connection->input_ended)
        vsa_connection_close(connection, connection->reason);
}

/* False when there was nothing to read. */
static bool read_and_work(struct vsa_connection *connection)
{
    struct vsa_server *server = connection->server;
    struct vsa_buffer *input = &connection->input;
    size_t size = receive(connection, server->options.max_line - input->size);
    struct turn turn = {server->input_scratch, size, 0};
    if (is_closed(connection))
        return true;
    bool came = size > 0 || connection->input_ended;
    if (input->size > 0) {
        if (!vsa_memory_keep(connection, input, server->input_scratch, size))
            refuse(connection, VSA_ERR_BUSY, "too many unfinished requests; try again later");
        turn = (struct turn){input->data, input->size, 0};
    }
    work(connection, &turn);
    return came;
}

static void on_readable(struct vsa_connection *connection)
{
    if (connection->state == VSA_CONNECTION_LINGERING) {
        discard(connection);
    } else if (is_blocked(connection) || connection->state != VSA_CONNECTION_OPEN) {
        /* Pushes back: what it sends stays in the kernel until its turn. */
        connection->deaf = true;
        watch(connection);
    } else if (has_more_lines(connection)) {
        work_on_input(connection);
    } else {
        (void)read_and_work(connection);
    }
}

static void on_writable(struct vsa_connection *connection)
{
    vsa_output_resume(connection);
    if (!is_closed(connection) && !vsa_output_pending(connection)) {
        connection->answered = true;
        work_on_input(connection);
    }
}

/* Hung up: both directions are closed, so nobody is left to read an answer. */
static void on_ready(struct vsa_watch *entry, uint32_t events)
{
    struct vsa_connection *connection = connection_of_watch(entry);
    if (is_closed(connection))
        return;
    if (events & (EPOLLERR | EPOLLHUP)) {
        vsa_connection_close(connection, events & EPOLLERR ? VSA_ERR_CLOSED : VSA_OK);
    } else if (vsa_output_pending(connection)) {
        if (events & EPOLLOUT)
            on_writable(connection);
    } else if (events & EPOLLIN) {
        on_readable(connection);
    }
}

/* --- for others ------------------------------------------------------------------------------- */

/* A number that tells peers apart: a CID is below 2^32, a connection above. */
static uint64_t peer_of(const struct sockaddr *address, socklen_t size, uint64_t connection)
{
    struct sockaddr_vm vsock;
    if (size < sizeof(vsock) || address->sa_family != AF_VSOCK)
        return (UINT64_C(1) << 32) + connection;
    memcpy(&vsock, address, sizeof(vsock));
    return vsock.svm_cid;
}

enum vsa_status vsa_connection_open(struct vsa_server *server, int fd, const struct sockaddr *peer,
                                    socklen_t peer_size, struct vsa_error *error)
{
    struct vsa_connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        return vsa_fail_memory(error);
    connection->watch = (struct vsa_watch){.fd = fd, .ready = on_ready};
    enum vsa_status status = vsa_loop_watch(&server->loop, &connection->watch, EPOLLIN, error);
    if (status != VSA_OK) {
        free(connection);
        return status;
    }
    connection->server = server;
    connection->number = ++server->connection_number;
    connection->peer = peer_of(peer, peer_size, connection->number);
    server->connections++;
    vsa_statistic_up(&server->statistics->opened);
    vsa_statistic_up(&server->statistics->phases[connection->phase]);
    vsa_server_limit(server, &server->idle, &connection->deadline);
    vsa_server_tell(server, (struct vsa_server_event){.kind = VSA_EVENT_CONNECTION_OPENED,
                                                      .connection = connection->number});
    return VSA_OK;
}

void vsa_connection_complete(struct vsa_connection *connection)
{
    work_on_input(connection);
}

void vsa_connection_refuse(struct vsa_connection *connection, enum vsa_status reason,
                           const char *detail)
{
    refuse(connection, reason, detail);
    work_on_input(connection);
}

void vsa_connection_end(struct vsa_connection *connection)
{
    if (connection->state == VSA_CONNECTION_LINGERING) {
        vsa_connection_close(connection, connection->reason);
        return;
    }
    if (connection->state == VSA_CONNECTION_OPEN)
        connection->reason = VSA_ERR_SHUTTING_DOWN;
    set_limit(connection);
}

/* While the server ends: what the peer had sent before that, then nothing more. */
static void read_last(struct vsa_connection *connection)
{
    if (connection->state != VSA_CONNECTION_OPEN || connection->input_ended ||
        connection->last_reads++ == MAX_LAST_READS || !read_and_work(connection))
        vsa_connection_close(connection, VSA_ERR_SHUTTING_DOWN);
}

static void work_on_lines(struct vsa_connection *connection)
{
    while (has_more_lines(connection))
        work_on_input(connection);
}

void vsa_connection_give_way(struct vsa_connection *connection)
{
    /* Sent by itself: the output scratch belongs to the connection whose turn it is. */
    static const char line[] = "{\"success\":false,\"error\":\"too much memory is in use, and this "
                               "connection has most; try again later\",\"error_code\":\"busy\"}\n";
    const ssize_t size = (ssize_t)sizeof(line) - 1;
    if (connection->state != VSA_CONNECTION_OPEN || vsa_output_pending(connection) ||
        send(connection->watch.fd, line, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) != size) {
        vsa_connection_close(connection, VSA_ERR_BUSY);
        return;
    }
    vsa_jobs_abandon(connection);
    connection->reason = VSA_ERR_BUSY;
    connection->scanned = 0;
    vsa_memory_drop(connection, &connection->input, connection->input.size);
    finish(connection);
    if (!is_closed(connection))
        schedule(connection);
}

void vsa_connection_drain(struct vsa_connection *connection)
{
    work_on_lines(connection);
    if (connection->state == VSA_CONNECTION_OPEN && !is_blocked(connection) &&
        !connection->input_ended) {
        (void)read_and_work(connection);
        work_on_lines(connection);
    }
    vsa_connection_close(connection, VSA_ERR_SHUTTING_DOWN);
}

void vsa_connection_idle_expired(void *user, struct vsa_deadline *entry)
{
    struct vsa_connection *connection = vsa_connection_of(entry);
    (void)user;
    if (vsa_output_pending(connection) || connection->state != VSA_CONNECTION_OPEN) {
        vsa_connection_close(connection, VSA_ERR_IDLE_TIMEOUT);
        return;
    }
    vsa_connection_refuse(connection, VSA_ERR_IDLE_TIMEOUT, "no complete request for too long");
}

void vsa_connection_ready_expired(void *user, struct vsa_deadline *entry)
{
    const struct vsa_server *server = user;
    struct vsa_connection *connection = vsa_connection_of(entry);
    if (server->ending && !has_more_lines(connection))
        read_last(connection);
    else
        work_on_input(connection);
}

void vsa_connection_linger_expired(void *user, struct vsa_deadline *entry)
{
    struct vsa_connection *connection = vsa_connection_of(entry);
    (void)user;
    vsa_connection_close(connection, connection->reason);
}
