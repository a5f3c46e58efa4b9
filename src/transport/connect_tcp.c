/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/connect_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/wait.h"
#include "transport/resolve.h"

VSA_DEFINE_CLEANUP(struct addrinfo, freeaddrinfo, cleanup_found);

static enum vsa_status connect_failed(const struct vsa_address *address, int number,
                                      struct vsa_error *error)
{
    char text[VSA_MAX_ADDRESS];
    (void)vsa_address_format(address, text, sizeof(text));
    switch (number) {
    case ECONNREFUSED:
    case ECONNRESET:
        return vsa_fail_at(error, VSA_ERR_REFUSED, VSA_NO_OFFSET, "tcp(7)",
                           "connection refused: no server listens on %s", text);
    case ETIMEDOUT:
        return vsa_fail_at(error, VSA_ERR_TIMEOUT, VSA_NO_OFFSET, "tcp(7)",
                           "no answer from %s: is the host up, and does a firewall drop packets?",
                           text);
    default:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "connect(2)", "connecting to %s: %s",
                           text, strerror(number));
    }
}

/* Waits for the end of a connect(2) that goes on; returns 0 or errno. */
static int await_connect(int fd, int64_t deadline_ms)
{
    int number = 0;
    socklen_t size = sizeof(number);
    if (vsa_wait_for(fd, POLLOUT, deadline_ms, "the connection", NULL) != VSA_OK)
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0 ? errno : number;
}

/* Tries one address; returns 0 or errno. */
static int connect_one(const struct addrinfo *entry, int64_t deadline_ms, int *fd)
{
    const int on = 1;
    VSA_AUTO_FD int opened =
        socket(entry->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (opened < 0)
        return errno;
    /* Each line goes out at once: a peer waits for it. */
    (void)setsockopt(opened, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(opened, entry->ai_addr, entry->ai_addrlen) < 0) {
        int number = errno;
        if (number == EINPROGRESS || number == EINTR)
            number = await_connect(opened, deadline_ms);
        if (number != 0)
            return number;
    }
    *fd = vsa_take_fd(&opened);
    return 0;
}

enum vsa_status vsa_connect_tcp(const struct vsa_address *address, int64_t deadline_ms, int *fd,
                                struct vsa_error *error)
{
    VSA_CLEANUP(cleanup_found) struct addrinfo *found = NULL;
    int64_t left = 0;
    int number = EADDRNOTAVAIL;
    VSA_TRY(vsa_resolve(address->path, address->port, deadline_ms, &found, error));
    for (const struct addrinfo *entry = found; entry && left < VSA_MAX_RESOLVED;
         entry = entry->ai_next)
        left++;
    for (const struct addrinfo *entry = found; left > 0; entry = entry->ai_next, left--) {
        int64_t now = vsa_monotonic_ms();
        number = connect_one(entry, now + (deadline_ms - now) / left, fd);
        if (number == 0)
            return VSA_OK;
    }
    return connect_failed(address, number, error);
}
