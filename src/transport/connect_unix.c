/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/connect_unix.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "transport/socket.h"

static enum vsa_status open_socket(int *fd, struct vsa_error *error)
{
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "socket(2)", "%s", strerror(errno));
    return VSA_OK;
}

static enum vsa_status connect_failed(const char *path, int number, struct vsa_error *error)
{
    switch (number) {
    case ENOENT:
        return vsa_fail(error, VSA_ERR_REFUSED, "no server listens on %s: there is no such socket",
                        path);
    case ECONNREFUSED:
        return vsa_fail(error, VSA_ERR_REFUSED, "connection refused: no server listens on %s",
                        path);
    case EAGAIN:
    case ETIMEDOUT:
        return vsa_fail(error, VSA_ERR_TIMEOUT,
                        "no answer on %s: its listener is overloaded or stopped", path);
    case EPROTOTYPE:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "unix(7)",
                           "%s is not a stream socket (is it a software NSM's?)", path);
    default:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "connect(2)", "%s: %s", path,
                           strerror(number));
    }
}

/*
 * Connects to a Unix socket. connect(2) never gives EINPROGRESS there: with a full backlog it fails
 * at once or blocks. So it blocks here, for as long as SO_SNDTIMEO says.
 */
enum vsa_status vsa_connect_unix(const char *path, int64_t deadline_ms, int *fd,
                                 struct vsa_error *error)
{
    VSA_AUTO_FD int opened = -1;
    struct sockaddr_un name = vsa_unix_sockaddr(path);
    VSA_TRY(open_socket(&opened, error));
    for (;;) {
        struct timeval timeout = vsa_timeval_until(deadline_ms);
        if (setsockopt(opened, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
            return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "socket(7)", "send timeout: %s",
                               strerror(errno));
        if (connect(opened, (const struct sockaddr *)&name, sizeof(name)) == 0)
            break;
        if (errno != EINTR)
            return connect_failed(path, errno, error);
        if (vsa_monotonic_ms() >= deadline_ms)
            return connect_failed(path, ETIMEDOUT, error);
    }
    VSA_TRY(vsa_make_non_blocking(opened, error));
    *fd = vsa_take_fd(&opened);
    return VSA_OK;
}

enum vsa_status vsa_connect_unix_at_once(const char *path, int *fd, struct vsa_error *error)
{
    VSA_AUTO_FD int opened = -1;
    struct sockaddr_un name = vsa_unix_sockaddr(path);
    VSA_TRY(open_socket(&opened, error));
    VSA_TRY(vsa_make_non_blocking(opened, error));
    if (connect(opened, (const struct sockaddr *)&name, sizeof(name)) != 0)
        return connect_failed(path, errno, error);
    *fd = vsa_take_fd(&opened);
    return VSA_OK;
}
