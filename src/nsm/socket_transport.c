/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A software NSM behind a Unix socket. SOCK_SEQPACKET preserves message boundaries, as the device
 * does, so there is no framing to get wrong.
 */
#include "nsm/transport.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/wait.h"

/* Between two tries to connect to a socket whose queue is full. */
#define CONNECT_RETRY_MS 10

_Static_assert(sizeof(((struct sockaddr_un *)NULL)->sun_path) == VSA_NSM_MAX_PATH, "unix(7)");

struct socket_transport {
    struct vsa_nsm_transport base;
    int fd; /* -1 when not connected */
    int timeout_ms;
    struct sockaddr_un address;
};

static struct socket_transport *socket_of(struct vsa_nsm_transport *transport)
{
    return (struct socket_transport *)(void *)transport;
}

static void disconnect(struct socket_transport *transport)
{
    if (transport->fd >= 0)
        (void)close(transport->fd);
    transport->fd = -1;
}

static enum vsa_status timed_out(const struct socket_transport *transport, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_TIMEOUT,
                    "the software NSM at unix:%s did not answer within %d ms",
                    transport->address.sun_path, transport->timeout_ms);
}

static enum vsa_status hung_up(const struct socket_transport *transport, const char *reason,
                               struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_NSM_UNREACHABLE, "the software NSM at unix:%s went away: %s",
                    transport->address.sun_path, reason);
}

static enum vsa_status connect_failed(const struct socket_transport *transport, int number,
                                      struct vsa_error *error)
{
    const char *path = transport->address.sun_path;
    if (number == ENOENT || number == ECONNREFUSED)
        return vsa_fail(error, VSA_ERR_NSM_UNREACHABLE,
                        "no software NSM answers at unix:%s; start 'software_nsm --listen' with "
                        "that address",
                        path);
    if (number == EPROTOTYPE)
        return vsa_fail(error, VSA_ERR_NSM_UNREACHABLE,
                        "unix:%s is some other program's socket, not a software NSM's", path);
    return vsa_fail(error, VSA_ERR_NSM_UNREACHABLE,
                    "cannot connect to the software NSM at unix:%s: %s", path, strerror(number));
}

/*
 * Connects until the deadline. A full queue makes a non-blocking connect fail with EAGAIN
 * (unix(7)); poll() does not help.
 */
static enum vsa_status connect_to(struct socket_transport *transport, int64_t deadline,
                                  struct vsa_error *error)
{
    VSA_AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return vsa_fail(error, VSA_ERR_NSM_UNREACHABLE, "no socket: %s", strerror(errno));
    while (connect(fd, (const struct sockaddr *)(const void *)&transport->address,
                   sizeof(transport->address)) != 0) {
        if (errno != EAGAIN && errno != EINTR)
            return connect_failed(transport, errno, error);
        if (vsa_monotonic_ms() >= deadline)
            return timed_out(transport, error);
        (void)poll(NULL, 0, CONNECT_RETRY_MS);
    }
    transport->fd = vsa_take_fd(&fd);
    return VSA_OK;
}

static enum vsa_status wait_for(const struct socket_transport *transport, short events,
                                int64_t deadline, struct vsa_error *error)
{
    enum vsa_status status = vsa_wait_for(transport->fd, events, deadline, "the NSM", NULL);
    if (status == VSA_ERR_TIMEOUT)
        return timed_out(transport, error);
    return status == VSA_OK ? VSA_OK : hung_up(transport, strerror(errno), error);
}

static bool try_again(int number)
{
    return number == EAGAIN || number == EINTR;
}

static enum vsa_status send_request(const struct socket_transport *transport,
                                    struct vsa_slice request, int64_t deadline,
                                    struct vsa_error *error)
{
    while (send(transport->fd, request.data, request.size, MSG_NOSIGNAL) < 0) {
        if (!try_again(errno))
            return hung_up(transport, strerror(errno), error);
        VSA_TRY(wait_for(transport, POLLOUT, deadline, error));
    }
    return VSA_OK;
}

static enum vsa_status receive_response(const struct socket_transport *transport, uint8_t *buffer,
                                        size_t capacity, int64_t deadline,
                                        struct vsa_slice *response, struct vsa_error *error)
{
    struct iovec part = {buffer, capacity};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t size = 0;
    do {
        VSA_TRY(wait_for(transport, POLLIN, deadline, error));
        size = recvmsg(transport->fd, &message, MSG_CMSG_CLOEXEC);
    } while (size < 0 && try_again(errno));
    if (size < 0)
        return hung_up(transport, strerror(errno), error);
    if (size == 0)
        return hung_up(transport, "it closed the connection without an answer", error);
    if (message.msg_flags & MSG_TRUNC)
        return vsa_fail(error, VSA_ERR_REPLY, "the software NSM's response has more than %zu bytes",
                        capacity);
    *response = vsa_slice_of(buffer, (size_t)size);
    return VSA_OK;
}

/*
 * Returns whether there is an unexpected response, which the next request would take for its own,
 * or the end of the connection.
 */
static bool has_more_to_say(const struct socket_transport *transport)
{
    struct pollfd polled = {transport->fd, POLLIN, 0};
    return poll(&polled, 1, 0) > 0;
}

/*
 * Sends the request. On a connection that was idle, a failure means that the NSM has gone since:
 * the request was not delivered, so trying once more on a new connection is safe.
 */
static enum vsa_status deliver(struct socket_transport *transport, struct vsa_slice request,
                               int64_t deadline, struct vsa_error *error)
{
    if (transport->fd >= 0 && has_more_to_say(transport))
        disconnect(transport);
    if (transport->fd >= 0) {
        enum vsa_status status = send_request(transport, request, deadline, error);
        if (status != VSA_ERR_NSM_UNREACHABLE)
            return status;
        disconnect(transport);
    }
    VSA_TRY(connect_to(transport, deadline, error));
    return send_request(transport, request, deadline, error);
}

static enum vsa_status exchange(struct vsa_nsm_transport *base, struct vsa_slice request,
                                uint8_t *buffer, size_t capacity, struct vsa_slice *response,
                                struct vsa_error *error)
{
    struct socket_transport *transport = socket_of(base);
    int64_t deadline = vsa_deadline(transport->timeout_ms);
    enum vsa_status status = deliver(transport, request, deadline, error);
    if (status == VSA_OK)
        status = receive_response(transport, buffer, capacity, deadline, response, error);
    /* A late response must not arrive: it would answer the next request. */
    if (status != VSA_OK)
        disconnect(transport);
    return status;
}

static void close_socket(struct vsa_nsm_transport *base)
{
    struct socket_transport *transport = socket_of(base);
    disconnect(transport);
    free(transport);
}

VSA_DEFINE_CLEANUP(struct vsa_nsm_transport, close_socket, cleanup_transport);

enum vsa_status vsa_nsm_socket_open(const char *path, int timeout_ms,
                                    struct vsa_nsm_transport **out, struct vsa_error *error)
{
    size_t length = strlen(path);
    if (length == 0 || length >= VSA_NSM_MAX_PATH)
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "unix(7)",
                           "the path of unix:PATH has %zu bytes, not 1..%d", length,
                           VSA_NSM_MAX_PATH - 1);
    struct socket_transport *transport = calloc(1, sizeof(*transport));
    if (!transport)
        return vsa_fail_memory(error);
    VSA_CLEANUP(cleanup_transport) struct vsa_nsm_transport *owner = &transport->base;
    transport->base.exchange = exchange;
    transport->base.close = close_socket;
    transport->fd = -1;
    transport->timeout_ms = timeout_ms;
    transport->address.sun_family = AF_UNIX;
    memcpy(transport->address.sun_path, path, length);
    VSA_TRY(connect_to(transport, vsa_deadline(timeout_ms), error));
    *out = owner;
    owner = NULL;
    return VSA_OK;
}
