/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/error.h"

struct sockaddr_un vsa_unix_sockaddr(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    _Static_assert(sizeof(name.sun_path) == VSA_MAX_SOCKET_PATH, "sun_path");
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    return name;
}

struct sockaddr_vm vsa_vsock_sockaddr(uint32_t cid, uint32_t port)
{
    struct sockaddr_vm name = {.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
    return name;
}

struct timeval vsa_timeval_until(int64_t deadline_ms)
{
    int64_t left = deadline_ms - vsa_monotonic_ms();
    /* 0 means no limit (SO_SNDTIMEO), and vsock refuses it. */
    int64_t ms = left < 1 ? 1 : left;
    struct timeval value = {.tv_sec = (time_t)(ms / 1000),
                            .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    return value;
}

enum vsa_status vsa_make_non_blocking(int fd, struct vsa_error *error)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "fcntl(2)", "%s", strerror(errno));
    return VSA_OK;
}
