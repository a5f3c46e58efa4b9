/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"

/* Another process may hold the folder's lock for as long as its own start takes. */
#define LOCK_ATTEMPTS    50
#define LOCK_INTERVAL_NS (20L * 1000 * 1000)

/* The kernel cuts it down to net.core.somaxconn. */
#define BACKLOG INT32_MAX
/* Of a socket file that nobody can connect to yet. */
#define NEW_SUFFIX ".new"

static enum vsa_status bind_failed(const char *address, int number, struct vsa_error *error)
{
    switch (number) {
    case EADDRINUSE:
        return vsa_fail(error, VSA_ERR_ADDRESS_IN_USE,
                        "%s is in use: stop the program that listens there, or choose another "
                        "address",
                        address);
    case EACCES:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "bind(2)",
                           "no permission to listen on %s: vsock ports below 1024 need "
                           "CAP_NET_BIND_SERVICE, a socket file needs write access to its folder",
                           address);
    case EADDRNOTAVAIL:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "vsock(7)",
                           "%s: this machine does not have that CID; use \"any\"", address);
    default:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "bind(2)", "%s: %s", address,
                           strerror(number));
    }
}

static enum vsa_status open_socket(int family, int *fd, struct vsa_error *error)
{
    *fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0)
        return VSA_OK;
    if (family == AF_VSOCK && errno == EAFNOSUPPORT)
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
    VSA_TRY(open_socket(AF_VSOCK, &opened, error));
    if (bind(opened, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
        listen(opened, BACKLOG) < 0)
        return bind_failed(vsa_address_format(address, text, sizeof(text)), errno, error);
    listener->fd = vsa_take_fd(&opened);
    listener->address = *address;
    return VSA_OK;
}

/* --- unix ------------------------------------------------------------------------------------- */

/*
 * Two processes must not both find the same left-over file and replace each other's new socket:
 * whoever looks and binds holds a lock on the folder. A folder that cannot be opened or whose
 * lock somebody keeps costs only this protection.
 */
static int lock_folder(const char *path)
{
    const struct timespec interval = {.tv_nsec = LOCK_INTERVAL_NS};
    char copy[VSA_MAX_SOCKET_PATH];
    (void)snprintf(copy, sizeof(copy), "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < LOCK_ATTEMPTS && flock(fd, LOCK_EX | LOCK_NB) < 0; i++)
        (void)nanosleep(&interval, NULL);
    return fd;
}

/* Whether a process answers on the socket; a full backlog (EAGAIN) is an answer too. */
static bool is_alive(const struct sockaddr_un *name)
{
    VSA_AUTO_FD int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return true; /* unknown: touch nothing */
    return connect(probe, (const struct sockaddr *)name, sizeof(*name)) == 0 ||
           (errno != ECONNREFUSED && errno != ENOENT);
}

static enum vsa_status remove_stale_socket(const struct sockaddr_un *name, const char *address,
                                           struct vsa_error *error)
{
    struct stat file;
    if (lstat(name->sun_path, &file) < 0)
        return VSA_OK; /* bind will tell */
    if (!S_ISSOCK(file.st_mode))
        return vsa_fail(error, VSA_ERR_ADDRESS_IN_USE,
                        "%s exists and is not a socket: it stays untouched", name->sun_path);
    if (is_alive(name))
        return bind_failed(address, EADDRINUSE, error);
    if (unlink(name->sun_path) < 0 && errno != ENOENT)
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "unlink(2)",
                           "cannot remove the left-over socket %s: %s", name->sun_path,
                           strerror(errno));
    return VSA_OK;
}

/* 0 or errno. */
static int bind_and_listen(int fd, const struct sockaddr_un *name)
{
    return bind(fd, (const struct sockaddr *)name, sizeof(*name)) == 0 && listen(fd, BACKLOG) == 0
               ? 0
               : errno;
}

/* Puts the socket where it belongs, unless something is there meanwhile. 0 or errno. */
static int publish(const char *made, const char *path)
{
    if (renameat2(AT_FDCWD, made, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    /* Not all file systems can look and rename in one. */
    if ((errno == EINVAL || errno == ENOSYS) && rename(made, path) == 0)
        return 0;
    return errno == EEXIST ? EADDRINUSE : errno;
}

/* A name beside the path that nobody has; false where it is too long, or taken. */
static bool name_aside(const char *path, struct sockaddr_un *name)
{
    struct stat file;
    char made[VSA_MAX_SOCKET_PATH];
    int size = snprintf(made, sizeof(made), "%s" NEW_SUFFIX, path);
    if (size < 0 || (size_t)size >= sizeof(made))
        return false;
    *name = vsa_unix_sockaddr(made);
    if (lstat(made, &file) < 0)
        return true;
    /* Of a process that was killed on its way here. */
    return S_ISSOCK(file.st_mode) && !is_alive(name) && unlink(made) == 0;
}

/*
 * Under another name first, so that a file that can be seen can be connected to. Where there is no
 * such name, there is a moment when it cannot. 0 or errno.
 */
static int listen_at(int fd, const char *path)
{
    struct sockaddr_un name = vsa_unix_sockaddr(path);
    struct sockaddr_un aside;
    if (!name_aside(path, &aside))
        return bind_and_listen(fd, &name);
    int number = bind_and_listen(fd, &aside);
    if (number == EADDRINUSE)
        return number; /* not ours */
    if (number == 0)
        number = publish(aside.sun_path, path);
    if (number != 0)
        (void)unlink(aside.sun_path);
    return number;
}

static enum vsa_status listen_unix(const struct vsa_address *address, const char *path,
                                   struct vsa_listener *listener, struct vsa_error *error)
{
    char text[VSA_MAX_ADDRESS];
    struct stat file = {0};
    struct sockaddr_un name = vsa_unix_sockaddr(path);
    VSA_AUTO_FD int lock = lock_folder(path);
    VSA_AUTO_FD int opened = -1;
    (void)lock; /* held until the end of this function */
    (void)snprintf(text, sizeof(text), "unix:%s", path);
    VSA_TRY(remove_stale_socket(&name, text, error));
    VSA_TRY(open_socket(AF_UNIX, &opened, error));
    int number = listen_at(opened, path);
    if (number != 0)
        return bind_failed(text, number, error);
    if (stat(path, &file) == 0) {
        listener->file_device = (uint64_t)file.st_dev;
        listener->file_inode = (uint64_t)file.st_ino;
    }
    listener->fd = vsa_take_fd(&opened);
    listener->address = *address;
    return VSA_OK;
}

/* Where connections of the guest to `port` arrive: PATH_PORT. */
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
        VSA_TRY(listen_unix(address, address->path, &opened, error));
        break;
    case VSA_ADDRESS_VSOCK_MUX:
        VSA_TRY(mux_path(address, path, sizeof(path), error));
        VSA_TRY(listen_unix(address, path, &opened, error));
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
    /* Somebody else may have put a socket of theirs there meanwhile. */
    if (listener->file_inode != 0 && lstat(path, &file) == 0 &&
        (uint64_t)file.st_dev == listener->file_device &&
        (uint64_t)file.st_ino == listener->file_inode)
        (void)unlink(path);
    (void)close(listener->fd);
    listener->fd = -1;
    listener->file_inode = 0;
}
