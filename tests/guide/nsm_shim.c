/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD of the guide's tests: /dev/nsm leads to a software NSM. There, /dev/nsm is another
 * device (/dev/null); the ioctl that exchanges messages reaches the SOCK_SEQPACKET socket
 * $VSA_SHIM_NSM instead. Everything else is the kernel's.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

struct message {
    uint64_t address;
    uint64_t length;
};

/* struct nsm_raw of linux/nsm.h, which Debian 12 does not have. */
struct exchange {
    struct message request;
    struct message response;
};

#define NSM_IOCTL_RAW _IOWR(0x0a, 0, struct exchange)

static int fail(int number)
{
    errno = number;
    return -1;
}

static int exchange(struct exchange *raw, const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    ssize_t size = -1;
    if (fd < 0)
        return -1;
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    if (syscall(SYS_connect, fd, &name, (socklen_t)sizeof(name)) == 0 &&
        send(fd, (void *)(uintptr_t)raw->request.address, (size_t)raw->request.length,
             MSG_NOSIGNAL) > 0)
        size = recv(fd, (void *)(uintptr_t)raw->response.address, (size_t)raw->response.length, 0);
    (void)close(fd);
    if (size <= 0)
        return fail(EIO);
    raw->response.length = (uint64_t)size;
    return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
    const char *path = getenv("VSA_SHIM_NSM");
    va_list arguments;
    void *argument;
    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request == NSM_IOCTL_RAW && path)
        return argument ? exchange(argument, path) : fail(EFAULT);
    return (int)syscall(SYS_ioctl, fd, request, argument);
}
