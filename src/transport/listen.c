/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/listen_unix.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "transport/listen_tcp.h"
#include "transport/socket.h"

static enum vsa_status bind_failed(const char *address, int number, struct vsa_error *error)
{
    switch (number) {
    case EADDRINUSE:
        return vsa_fail(error, VSA_ERR_ADDRESS_IN_USE,
                        "%s is in use: stop the program that listens there, or choose another "
                        "port",
                        address);
    case EACCES:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "vsock(7)",
                           "no permission to listen on %s: ports below 1024 need "
                           "CAP_NET_BIND_SERVICE",
                           address);
    case EADDRNOTAVAIL:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "vsock(7)",
                           "%s: this machine does not have that CID; use \"any\"", address);
    default:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "bind(2)", "%s: %s", address,
                           strerror(number));
    }
}

static enum vsa_status open_socket(int *fd, struct vsa_error *error)
{
    *fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0)
        return VSA_OK;
    if (errno == EAFNOSUPPORT)
        return vsa_fail_at(
            error, VSA_ERR_IO, VSA_NO_OFFSET, "vsock(7)",
            "this kernel has no vsock support: load the vsock module, or listen on a "
            "unix: address");
    return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "socket(2)", "%s", strerror(errno));
}

static enum vsa_status listen_vsock(const struct vsa_address *address,
                                    struct vsa_listener *listener, struct vsa_error *error)
{
    char text[VSA_MAX_ADDRESS];
    struct sockaddr_vm name = vsa_vsock_sockaddr(address->cid, address->port);
    VSA_AUTO_FD int opened = -1;
    VSA_TRY(open_socket(&opened, error));
    if (bind(opened, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
        listen(opened, VSA_LISTEN_BACKLOG) < 0)
        return bind_failed(vsa_address_format(address, text, sizeof(text)), errno, error);
    listener->fd = vsa_take_fd(&opened);
    listener->address = *address;
    return VSA_OK;
}

/* Makes the path where connections of the guest to `port` arrive: PATH_PORT. */
static enum vsa_status mux_path(const struct vsa_address *address, char *path, size_t capacity,
                                struct vsa_error *error)
{
    int size = snprintf(path, capacity, "%s_%" PRIu32, address->path, address->port);
    if (size < 0 || (size_t)size >= capacity)
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "unix(7)",
                           "socket path %s_%" PRIu32 " is longer than %zu bytes", address->path,
                           address->port, capacity - 1);
    return VSA_OK;
}

enum vsa_status vsa_listen(const struct vsa_address *address, struct vsa_listener *listener,
                           struct vsa_error *error)
{
    struct vsa_listener opened = {.fd = -1};
    char path[VSA_MAX_SOCKET_PATH];
    switch (address->kind) {
    case VSA_ADDRESS_VSOCK:
        VSA_TRY(listen_vsock(address, &opened, error));
        break;
    case VSA_ADDRESS_UNIX:
        VSA_TRY(vsa_listen_unix(address->path, SOCK_STREAM, &opened, error));
        break;
    case VSA_ADDRESS_VSOCK_MUX:
        VSA_TRY(mux_path(address, path, sizeof(path), error));
        VSA_TRY(vsa_listen_unix(path, SOCK_STREAM, &opened, error));
        opened.address = *address;
        break;
    case VSA_ADDRESS_TCP:
        VSA_TRY(vsa_listen_tcp(address, false, &opened, error));
        break;
    default:
        return vsa_fail(error, VSA_ERR_ARGUMENT, "not an address");
    }
    *listener = opened;
    return VSA_OK;
}

void vsa_listener_close(struct vsa_listener *listener)
{
    char path[VSA_MAX_SOCKET_PATH];
    struct stat file;
    if (listener->fd < 0)
        return;
    if (listener->address.kind == VSA_ADDRESS_VSOCK_MUX) {
        if (mux_path(&listener->address, path, sizeof(path), NULL) != VSA_OK)
            path[0] = '\0';
    } else {
        (void)snprintf(path, sizeof(path), "%s", listener->address.path);
    }
    /* Another process may have put its own socket there meanwhile. */
    if (listener->file_inode != 0 && lstat(path, &file) == 0 &&
        (uint64_t)file.st_dev == listener->file_device &&
        (uint64_t)file.st_ino == listener->file_inode)
        (void)unlink(path);
    (void)close(listener->fd);
    listener->fd = -1;
    listener->file_inode = 0;
}
