/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/error.h"

#define UNIX_PREFIX "unix:"
#define NEW_SUFFIX  ".new"
#define BACKLOG     64
/* Somebody else's start, at most so long. */
#define LOCK_ATTEMPTS    50
#define LOCK_INTERVAL_MS 20

_Static_assert(sizeof(((struct sockaddr_un *)NULL)->sun_path) ==
                   VSA_SOFTWARE_NSM_MAX_PATH + sizeof(NEW_SUFFIX) - 1,
               "unix(7)");

static enum vsa_status parse_path(const char *address, char path[VSA_SOFTWARE_NSM_MAX_PATH],
                                  struct vsa_error *error)
{
    size_t prefix = strlen(UNIX_PREFIX);
    bool has_prefix = strncmp(address, UNIX_PREFIX, prefix) == 0;
    size_t length = has_prefix ? strlen(address + prefix) : 0;
    if (length == 0 || length >= VSA_SOFTWARE_NSM_MAX_PATH)
        return vsa_fail_at(
            error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "unix(7)",
            "'%.120s' is no address to listen on: unix:PATH, PATH with 1 to %d bytes", address,
            VSA_SOFTWARE_NSM_MAX_PATH - 1);
    memcpy(path, address + prefix, length + 1);
    return VSA_OK;
}

/*
 * Two processes that find the same left-over file must not remove each other's new one: looking
 * and binding happen under a lock on the folder. Without it this goes on unprotected.
 */
static int lock_folder(const char *path)
{
    char copy[VSA_SOFTWARE_NSM_MAX_PATH];
    memcpy(copy, path, sizeof(copy));
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < LOCK_ATTEMPTS && flock(fd, LOCK_EX | LOCK_NB) != 0; i++)
        (void)poll(NULL, 0, LOCK_INTERVAL_MS);
    return fd;
}

static struct sockaddr_un name_of(const char *path, const char *suffix)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s%s", path, suffix);
    return name;
}

static const struct sockaddr *any(const struct sockaddr_un *name)
{
    return (const struct sockaddr *)(const void *)name;
}

/* Only a refused connection proves that nobody listens any more. */
static bool is_dead(const char *path)
{
    struct sockaddr_un name = name_of(path, "");
    VSA_AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd >= 0 && connect(fd, any(&name), sizeof(name)) != 0 && errno == ECONNREFUSED;
}

/* The path is free, or a socket file that somebody left there. */
static enum vsa_status check_free(const char *path, struct vsa_error *error)
{
    struct stat file;
    if (lstat(path, &file) != 0)
        return VSA_OK; /* nothing there, or bind() will tell */
    if (!S_ISSOCK(file.st_mode))
        return vsa_fail(error, VSA_ERR_ADDRESS_IN_USE,
                        "%s exists and is not a socket; it stays as it is", path);
    if (!is_dead(path))
        return vsa_fail(error, VSA_ERR_ADDRESS_IN_USE,
                        "another process listens on unix:%s, or it is another user's: choose "
                        "another path",
                        path);
    return VSA_OK;
}

/* Under another name first: the file must not be seen before it can be connected to. */
static enum vsa_status bind_and_listen(int fd, const char *path, struct vsa_error *error)
{
    struct sockaddr_un made = name_of(path, NEW_SUFFIX);
    struct stat file;
    if (lstat(made.sun_path, &file) == 0 && S_ISSOCK(file.st_mode))
        (void)unlink(made.sun_path); /* of a process that was killed */
    bool bound = bind(fd, any(&made), sizeof(made)) == 0;
    if (bound && listen(fd, BACKLOG) == 0 && rename(made.sun_path, path) == 0)
        return VSA_OK;
    int number = errno;
    if (bound)
        (void)unlink(made.sun_path);
    return vsa_fail(error, number == EADDRINUSE ? VSA_ERR_ADDRESS_IN_USE : VSA_ERR_IO,
                    "cannot listen on unix:%s: %s", path, strerror(number));
}

enum vsa_status vsa_software_listener_open(const char *address,
                                           struct vsa_software_listener *listener,
                                           struct vsa_error *error)
{
    struct vsa_software_listener opened = {.fd = -1};
    struct stat file = {0};
    VSA_TRY(parse_path(address, opened.path, error));
    VSA_AUTO_FD int lock = lock_folder(opened.path);
    (void)lock; /* held until the end of this function */
    VSA_TRY(check_free(opened.path, error));
    VSA_AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return vsa_fail(error, VSA_ERR_IO, "no socket: %s", strerror(errno));
    VSA_TRY(bind_and_listen(fd, opened.path, error));
    if (lstat(opened.path, &file) == 0) {
        opened.device = (uint64_t)file.st_dev;
        opened.inode = (uint64_t)file.st_ino;
    }
    opened.fd = vsa_take_fd(&fd);
    *listener = opened;
    return VSA_OK;
}

void vsa_software_listener_close(struct vsa_software_listener *listener)
{
    struct stat file;
    if (listener->fd < 0)
        return;
    if (lstat(listener->path, &file) == 0 && (uint64_t)file.st_dev == listener->device &&
        (uint64_t)file.st_ino == listener->inode)
        (void)unlink(listener->path);
    (void)close(listener->fd);
    listener->fd = -1;
}
