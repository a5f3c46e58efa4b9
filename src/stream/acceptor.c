/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/acceptor.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/container_of.h"
#include "base/error.h"

/* New connections of one iteration, before the others have their turn. */
#define ACCEPTS_AT_ONCE 64
/* Without descriptors or memory, unless a stream closes before. */
#define PAUSE_MS 100

uint32_t vsa_acceptor_cid_of(const struct sockaddr *address, socklen_t size)
{
    struct sockaddr_vm vsock;
    if (size < sizeof(vsock) || address->sa_family != AF_VSOCK)
        return 0;
    memcpy(&vsock, address, sizeof(vsock));
    return vsock.svm_cid;
}

static void resume(struct vsa_acceptor *acceptor)
{
    if (vsa_event_loop_watch(acceptor->loop, &acceptor->watch, EPOLLIN, NULL) == VSA_OK)
        acceptor->accepting = true;
    else
        vsa_timer_start(&acceptor->pauses, &acceptor->pause, acceptor->loop->now_ms);
}

static void on_pause_over(void *user, struct vsa_timer *timer)
{
    (void)timer;
    resume(user);
}

/* Ends the pause: a descriptor is free. */
static void on_freed(void *user)
{
    struct vsa_acceptor *acceptor = user;
    if (!vsa_timer_runs(&acceptor->pause))
        return;
    vsa_timer_stop(&acceptor->pause);
    resume(acceptor);
}

/*
 * Stops accepting for a while: the listener stays readable, so the loop would spin; clients wait in
 * its backlog.
 */
static void pause_accepting(struct vsa_acceptor *acceptor, const struct vsa_error *why)
{
    vsa_event_loop_unwatch(acceptor->loop, &acceptor->watch);
    acceptor->accepting = false;
    vsa_timer_start(&acceptor->pauses, &acceptor->pause, acceptor->loop->now_ms);
    /* Each close ends the pause: how many there are is up to the peers, how many reports not. */
    if (acceptor->reported && acceptor->loop->now_ms - acceptor->reported_ms < PAUSE_MS)
        return;
    acceptor->reported = true;
    acceptor->reported_ms = acceptor->loop->now_ms;
    acceptor->refused(acceptor->user, -1, why);
}

static void adopt(struct vsa_acceptor *acceptor, int fd, const struct sockaddr *peer,
                  socklen_t size)
{
    struct vsa_error error;
    enum vsa_status status =
        vsa_streams_adopt(acceptor->streams, fd, vsa_acceptor_cid_of(peer, size), &error);
    if (status == VSA_OK)
        return;
    acceptor->refused(acceptor->user, fd, &error);
    (void)shutdown(fd, SHUT_WR);
    (void)close(fd);
    if (status != VSA_ERR_CONNECTIONS)
        pause_accepting(acceptor, &error);
}

/* Returns whether the error is of the connection that was waiting, not ours (accept(2)). */
static bool concerns_peer_only(int number)
{
    return number == EINTR || number == ECONNABORTED || number == EPROTO || number == ECONNRESET ||
           number == ENOTCONN || number == ETIMEDOUT;
}

/* Accepts one; false when there is none, or no more can be taken now. */
static bool accept_one(struct vsa_acceptor *acceptor)
{
    struct vsa_error error;
    struct sockaddr_storage storage = {0};
    struct sockaddr *peer = (struct sockaddr *)&storage;
    socklen_t size = sizeof(storage);
    int fd = accept4(acceptor->listener->fd, peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        adopt(acceptor, fd, peer, size);
        return acceptor->accepting;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return false;
    if (concerns_peer_only(errno))
        return true;
    vsa_error_set(&error, VSA_ERR_IO, VSA_NO_OFFSET, NULL, "%s", strerror(errno));
    pause_accepting(acceptor, &error);
    return false;
}

static void on_incoming(struct vsa_event_watch *watch, uint32_t events)
{
    struct vsa_acceptor *acceptor = VSA_CONTAINER_OF(watch, struct vsa_acceptor, watch);
    (void)events;
    /* The stop may have come in the same iteration: then there is no listener any more. */
    if (!acceptor->accepting)
        return;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++)
        if (!accept_one(acceptor))
            return;
}

enum vsa_status vsa_acceptor_start(struct vsa_acceptor *acceptor, struct vsa_error *error)
{
    acceptor->watch = (struct vsa_event_watch){.fd = acceptor->listener->fd, .ready = on_incoming};
    acceptor->pause = (struct vsa_timer){0};
    VSA_TRY(vsa_event_loop_watch(acceptor->loop, &acceptor->watch, EPOLLIN, error));
    vsa_event_loop_add(acceptor->loop, &acceptor->pauses, PAUSE_MS, on_pause_over, acceptor);
    acceptor->streams->freed = on_freed;
    acceptor->streams->freed_user = acceptor;
    acceptor->accepting = true;
    return VSA_OK;
}

void vsa_acceptor_stop(struct vsa_acceptor *acceptor)
{
    acceptor->streams->freed = NULL;
    vsa_timer_stop(&acceptor->pause);
    /*
     * Connections made before the stop are accepted and get an answer: 2^12 is the longest backlog
     * of Linux.
     */
    acceptor->accepting = true;
    for (int i = 0; i < 4096 && accept_one(acceptor); i++)
        continue;
    vsa_timer_stop(&acceptor->pause);
    acceptor->accepting = false;
    vsa_event_loop_unwatch(acceptor->loop, &acceptor->watch);
    vsa_listener_close(acceptor->listener);
}
