/* SPDX-License-Identifier: Apache-2.0 */
#include "server/internal.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/json.h"
#include "server/answer.h"

/* New connections before the others have their turn. */
#define ACCEPTS_A_TURN 64

void vsa_accept_pause_over(void *user, struct vsa_deadline *entry)
{
    struct vsa_server *server = user;
    if (vsa_loop_watch(&server->loop, &server->accept_watch, EPOLLIN, NULL) != VSA_OK)
        vsa_server_limit(server, &server->pauses, entry);
    else
        server->accepting = true;
}

void vsa_accept_resume(struct vsa_server *server)
{
    if (!server->accept_pause.next)
        return;
    vsa_deadlines_remove(&server->accept_pause);
    vsa_accept_pause_over(server, &server->accept_pause);
}

/*
 * No descriptor or memory for another connection. The listener stays readable, so without a pause
 * the loop would spin; the clients wait in its backlog meanwhile.
 */
static void pause_accepting(struct vsa_server *server, const char *detail)
{
    vsa_loop_unwatch(&server->loop, &server->accept_watch);
    server->accepting = false;
    vsa_server_limit(server, &server->pauses, &server->accept_pause);
    /* Every close ends the pause: how many there are is up to the peers, how much is logged not. */
    if (server->pause_reported_ms > 0 &&
        server->loop.now_ms - server->pause_reported_ms < VSA_ACCEPT_PAUSE_MS)
        return;
    server->pause_reported_ms = server->loop.now_ms;
    vsa_server_tell(server, (struct vsa_server_event){.kind = VSA_EVENT_ACCEPT_PAUSED,
                                                      .status = VSA_ERR_IO,
                                                      .detail = detail});
}

/* One line of explanation, if the peer's buffer takes it: a new one's does. */
static void refuse(struct vsa_server *server, int fd, const struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *reply = json_object();
    vsa_answer_error(reply, error);
    size_t size = 0;
    (void)vsa_answer_write(reply, NULL, server->output_scratch, &size);
    ssize_t sent = send(fd, server->output_scratch, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
    (void)shutdown(fd, SHUT_WR);
    (void)close(fd);
    vsa_statistic_up(&server->statistics->refused);
    vsa_server_tell(server, (struct vsa_server_event){.kind = VSA_EVENT_CONNECTION_REFUSED,
                                                      .status = error->status});
}

static void welcome(struct vsa_server *server, int fd, const struct sockaddr *peer, socklen_t size)
{
    struct vsa_error error;
    if (server->connections >= server->options.max_connections) {
        vsa_error_set(&error, VSA_ERR_CONNECTIONS, VSA_NO_OFFSET, NULL,
                      "%zu connections are open already; try again later", server->connections);
        refuse(server, fd, &error);
    } else if (vsa_connection_open(server, fd, peer, size, &error) != VSA_OK) {
        refuse(server, fd, &error);
        pause_accepting(server, error.detail);
    }
}

/* Errors of the one connection that was waiting, not of ours (accept(2)). */
static bool concerns_peer_only(int number)
{
    return number == EINTR || number == ECONNABORTED || number == EPROTO || number == ECONNRESET ||
           number == ENOTCONN || number == ETIMEDOUT;
}

/* Accepts one; false when there is none, or no more can be taken now. */
static bool accept_one(struct vsa_server *server)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr *peer = (struct sockaddr *)&storage;
    socklen_t size = sizeof(storage);
    int fd = accept4(server->listener.fd, peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        welcome(server, fd, peer, size);
        return server->accepting;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return false;
    if (concerns_peer_only(errno))
        return true;
    pause_accepting(server, strerror(errno));
    return false;
}

static void on_incoming(struct vsa_watch *watch, uint32_t events)
{
    struct vsa_server *server =
        (struct vsa_server *)(void *)((char *)watch - offsetof(struct vsa_server, accept_watch));
    (void)events;
    /* The stop may have come in the same turn: then there is no listener any more. */
    if (!server->accepting)
        return;
    for (int i = 0; i < ACCEPTS_A_TURN; i++)
        if (!accept_one(server))
            return;
}

enum vsa_status vsa_accept_start(struct vsa_server *server, struct vsa_error *error)
{
    server->accept_watch = (struct vsa_watch){.fd = server->listener.fd, .ready = on_incoming};
    VSA_TRY(vsa_loop_watch(&server->loop, &server->accept_watch, EPOLLIN, error));
    server->accepting = true;
    return VSA_OK;
}

void vsa_accept_stop(struct vsa_server *server)
{
    vsa_deadlines_remove(&server->accept_pause);
    /* Whoever connected before the stop gets an answer. */
    server->accepting = true;
    for (size_t i = 0; i < server->options.max_connections; i++)
        if (!accept_one(server))
            break;
    vsa_deadlines_remove(&server->accept_pause);
    server->accepting = false;
    vsa_loop_unwatch(&server->loop, &server->accept_watch);
    vsa_listener_close(&server->listener);
}
