/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD of tests: vsock addresses lead to Unix sockets. Connecting to CID C, port P reaches
 * $VSA_SHIM/C/P; without the directory C there is no such CID, without the socket P no program
 * listens. Listening on port P makes $VSA_SHIM/$VSA_SHIM_CID/P; what connects there has CID 3, a
 * parent instance's. No AF_VSOCK socket is ever made.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

int socket(int domain, int type, int protocol)
{
    return (int)syscall(SYS_socket, domain == AF_VSOCK ? AF_UNIX : domain, type, protocol);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    return level == AF_VSOCK ? 0 : (int)syscall(SYS_setsockopt, fd, level, name, value, size);
}

static int refuse(int number)
{
    errno = number;
    return -1;
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    const struct sockaddr_vm *vsock = (const struct sockaddr_vm *)(const void *)address;
    const char *directory = getenv("VSA_SHIM");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (address->sa_family != AF_VSOCK)
        return (int)syscall(SYS_connect, fd, address, size);
    if (!directory)
        return refuse(ENODEV);
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s/%u", directory, vsock->svm_cid);
    if (access(name.sun_path, F_OK) != 0)
        return refuse(ENODEV);
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s/%u/%u", directory, vsock->svm_cid,
                   vsock->svm_port);
    if (access(name.sun_path, F_OK) != 0)
        return refuse(ECONNRESET);
    return (int)syscall(SYS_connect, fd, &name, (socklen_t)sizeof(name));
}

/* A dead process leaves its socket file behind, unlike its vsock port. */
static int bind_unix(int fd, const struct sockaddr_un *name)
{
    int result = (int)syscall(SYS_bind, fd, name, (socklen_t)sizeof(*name));
    int probe = -1;
    if (result == 0 || errno != EADDRINUSE)
        return result;
    probe = (int)syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    result = (int)syscall(SYS_connect, probe, name, (socklen_t)sizeof(*name));
    (void)close(probe);
    if (result == 0)
        return refuse(EADDRINUSE);
    (void)unlink(name->sun_path);
    return (int)syscall(SYS_bind, fd, name, (socklen_t)sizeof(*name));
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    const struct sockaddr_vm *vsock = (const struct sockaddr_vm *)(const void *)address;
    const char *directory = getenv("VSA_SHIM");
    const char *cid = getenv("VSA_SHIM_CID");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (address->sa_family != AF_VSOCK)
        return (int)syscall(SYS_bind, fd, address, size);
    if (!directory || !cid)
        return refuse(EADDRNOTAVAIL);
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s/%s/%u", directory, cid,
                   vsock->svm_port);
    return bind_unix(fd, &name);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    struct sockaddr_vm parent = {.svm_family = AF_VSOCK, .svm_cid = 3, .svm_port = 1024};
    struct sockaddr_un own = {0};
    socklen_t own_size = sizeof(own);
    const char *directory = getenv("VSA_SHIM");
    const bool is_ours = directory && getsockname(fd, (void *)&own, &own_size) == 0 &&
                         own.sun_family == AF_UNIX &&
                         strncmp(own.sun_path, directory, strlen(directory)) == 0;
    const int accepted = (int)syscall(SYS_accept4, fd, address, size, flags);
    if (accepted >= 0 && is_ours && address && size) {
        memcpy(address, &parent, sizeof(parent));
        *size = sizeof(parent);
    }
    return accepted;
}
