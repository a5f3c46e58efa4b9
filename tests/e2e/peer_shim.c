/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD of tests: clients of a Unix socket that have a CID. One that binds its socket to the
 * abstract name "cid-C-ANYTHING" looks as if it came from CID C over vsock. No AF_VSOCK socket is
 * ever made: only the address that accept4() gives is another.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);

/* The CID, or 0 for others: that is the hypervisor's. */
static unsigned cid_of(const struct sockaddr_un *name, socklen_t size)
{
    static const char prefix[] = "cid-";
    char text[sizeof(name->sun_path) + 1] = "";
    size_t offset = offsetof(struct sockaddr_un, sun_path);
    if (size <= offset + 1 || name->sun_path[0] != '\0')
        return 0;
    memcpy(text, name->sun_path + 1, size - offset - 1);
    if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
        return 0;
    return (unsigned)strtoul(text + sizeof(prefix) - 1, NULL, 10);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    struct sockaddr_un name;
    socklen_t name_size = sizeof(name);
    int got = (int)syscall(SYS_accept4, fd, &name, &name_size, flags);
    if (got < 0 || !address)
        return got;
    struct sockaddr_vm vsock = {.svm_family = AF_VSOCK, .svm_cid = cid_of(&name, name_size)};
    const void *shown = vsock.svm_cid ? (const void *)&vsock : (const void *)&name;
    socklen_t shown_size = vsock.svm_cid ? (socklen_t)sizeof(vsock) : name_size;
    memcpy(address, shown, shown_size < *size ? shown_size : *size);
    *size = shown_size;
    return got;
}
