/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/listen_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "transport/socket.h"

/* Another process may hold the directory's lock for as long as its own start takes. */
#define LOCK_ATTEMPTS    50
#define LOCK_INTERVAL_NS (20L * 1000 * 1000)

/* Suffix of a socket file that does not accept connections yet. */
#define NEW_SUFFIX ".new"

static enum vsa_status fail_errno(const char *path, int number, struct vsa_error *error)
{
    switch (number) {
    case EADDRINUSE:
        return vsa_fail(error, VSA_ERR_ADDRESS_IN_USE,
                        "unix:%s is in use: another process listens there, perhaps another user's; "
                        "stop it, or choose another address",
                        path);
    case EACCES:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "bind(2)",
                           "no permission to listen on unix:%s: a socket file needs write access "
                           "to its directory",
                           path);
    default:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "bind(2)", "unix:%s: %s", path,
                           strerror(number));
    }
}

/*
 * Locks the directory, so that two processes that find the same left-over file do not replace each
 * other's new socket. A directory that cannot be opened, or whose lock another process keeps, costs
 * only this protection.
 */
static int lock_directory(const char *path)
{
    const struct timespec interval = {.tv_nsec = LOCK_INTERVAL_NS};
    char copy[VSA_MAX_SOCKET_PATH];
    (void)snprintf(copy, sizeof(copy), "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < LOCK_ATTEMPTS && flock(fd, LOCK_EX | LOCK_NB) < 0; i++)
        (void)nanosleep(&interval, NULL);
    return fd;
}

static const struct sockaddr *any(const struct sockaddr_un *name)
{
    return (const struct sockaddr *)(const void *)name;
}

/* Returns whether a process listens on the socket; a full backlog (EAGAIN) counts. */
static bool is_alive(const struct sockaddr_un *name, int type)
{
    VSA_AUTO_FD int probe = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return true; /* unknown: change nothing */
    return connect(probe, any(name), sizeof(*name)) == 0 ||
           (errno != ECONNREFUSED && errno != ENOENT);
}

static enum vsa_status remove_stale_socket(const struct sockaddr_un *name, int type,
                                           struct vsa_error *error)
{
    struct stat file;
    if (lstat(name->sun_path, &file) < 0)
        return VSA_OK; /* nothing there, or bind() reports why */
    if (!S_ISSOCK(file.st_mode))
        return vsa_fail(error, VSA_ERR_ADDRESS_IN_USE,
                        "%s exists and is not a socket: it stays untouched", name->sun_path);
    if (is_alive(name, type))
        return fail_errno(name->sun_path, EADDRINUSE, error);
    if (unlink(name->sun_path) < 0 && errno != ENOENT)
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "unlink(2)",
                           "cannot remove the left-over socket %s: %s", name->sun_path,
                           strerror(errno));
    return VSA_OK;
}

/* Binds and listens; returns 0 or errno. */
static int bind_and_listen(int fd, const struct sockaddr_un *name)
{
    return bind(fd, any(name), sizeof(*name)) == 0 && listen(fd, VSA_LISTEN_BACKLOG) == 0 ? 0
                                                                                          : errno;
}

/* Renames the socket to its path, unless a file is there by now; returns 0 or errno. */
static int publish(const char *made, const char *path)
{
    if (renameat2(AT_FDCWD, made, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    /* Not all file systems support RENAME_NOREPLACE. */
    if ((errno == EINVAL || errno == ENOSYS) && rename(made, path) == 0)
        return 0;
    return errno == EEXIST ? EADDRINUSE : errno;
}

/* Finds a free name beside the path; false where it is too long, or taken. */
static bool name_aside(const char *path, int type, struct sockaddr_un *name)
{
    struct stat file;
    char made[VSA_MAX_SOCKET_PATH];
    int size = snprintf(made, sizeof(made), "%s" NEW_SUFFIX, path);
    if (size < 0 || (size_t)size >= sizeof(made))
        return false;
    *name = vsa_unix_sockaddr(made);
    if (lstat(made, &file) < 0)
        return true;
    /* Left by a process that was killed at this point. */
    return S_ISSOCK(file.st_mode) && !is_alive(name, type) && unlink(made) == 0;
}

/*
 * Listens under another name first, so that a visible socket file accepts connections; without such
 * a name there is a short gap. Returns 0 or errno.
 */
static int listen_at(int fd, int type, const char *path)
{
    struct sockaddr_un name = vsa_unix_sockaddr(path);
    struct sockaddr_un aside;
    if (!name_aside(path, type, &aside))
        return bind_and_listen(fd, &name);
    int number = bind_and_listen(fd, &aside);
    if (number == EADDRINUSE)
        return number; /* not this socket */
    if (number == 0)
        number = publish(aside.sun_path, path);
    if (number != 0)
        (void)unlink(aside.sun_path);
    return number;
}

enum vsa_status vsa_listen_unix(const char *path, int type, struct vsa_listener *listener,
                                struct vsa_error *error)
{
    struct stat file = {0};
    struct sockaddr_un name = vsa_unix_sockaddr(path);
    VSA_AUTO_FD int lock = lock_directory(path);
    (void)lock; /* held until the end of this function */
    VSA_TRY(remove_stale_socket(&name, type, error));
    VSA_AUTO_FD int opened = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (opened < 0)
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "socket(2)", "%s", strerror(errno));
    int number = listen_at(opened, type, path);
    if (number != 0)
        return fail_errno(path, number, error);
    *listener = (struct vsa_listener){.address = {.kind = VSA_ADDRESS_UNIX}};
    (void)snprintf(listener->address.path, sizeof(listener->address.path), "%s", path);
    if (stat(path, &file) == 0) {
        listener->file_device = (uint64_t)file.st_dev;
        listener->file_inode = (uint64_t)file.st_ino;
    }
    listener->fd = vsa_take_fd(&opened);
    return VSA_OK;
}
