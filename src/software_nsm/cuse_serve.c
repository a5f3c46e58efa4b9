/* SPDX-License-Identifier: Apache-2.0 */
/* Moves messages between /dev/cuse and vsa_cuse_answer(). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "software_nsm/cuse.h"

/* The kernel sends its first message when /dev/cuse is opened. */
#define FIRST_MESSAGE_MS 5000

#define DEVICE_PATH_SIZE (sizeof("/dev/") + VSA_CUSE_MAX_NAME)

static enum vsa_status failed(const char *what, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_IO, "%s: %s", what, strerror(errno));
}

/* Reads a message and answers it; `*done` is set when the kernel has taken the device away. */
static enum vsa_status serve_one(const struct vsa_cuse_service *service, bool *done,
                                 struct vsa_error *error)
{
    uint8_t message[VSA_CUSE_MAX_MESSAGE];
    struct vsa_slice reply;
    struct vsa_error failure;
    ssize_t size = read(service->device, message, sizeof(message));
    *done = size < 0 && errno == ENODEV;
    if (size < 0 && (*done || errno == EINTR || errno == EAGAIN || errno == ENOENT))
        return VSA_OK; /* ENOENT: a program was killed before its request was read */
    if (size < 0)
        return failed("cannot read from " VSA_CUSE_DEVICE, error);
    vsa_cuse_answer(service->cuse, vsa_slice_of(message, (size_t)size), service->now_ms(), &reply,
                    &failure);
    if (failure.status != VSA_OK)
        service->report(&failure);
    if (!reply.data || write(service->device, reply.data, reply.size) >= 0)
        return VSA_OK;
    *done = errno == ENODEV;
    if (*done || errno == ENOENT || errno == EINTR)
        return VSA_OK; /* ENOENT: killed before its request was answered */
    return failed("cannot write to " VSA_CUSE_DEVICE, error);
}

static enum vsa_status open_cuse(int *out, struct vsa_error *error)
{
    int fd = open(VSA_CUSE_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
        return vsa_fail(error, VSA_ERR_IO,
                        "no " VSA_CUSE_DEVICE ": load the kernel module ('modprobe cuse') if there "
                        "is one, or use --listen unix:PATH");
    if (fd < 0 && (errno == EACCES || errno == EPERM))
        return vsa_fail(error, VSA_ERR_IO,
                        "may not open " VSA_CUSE_DEVICE ": only root makes devices; without root "
                        "use --listen unix:PATH");
    if (fd < 0)
        return failed("cannot open " VSA_CUSE_DEVICE, error);
    *out = fd;
    return VSA_OK;
}

static int64_t no_time(void)
{
    return 0;
}

/* Answers the kernel's first message, which creates the device. */
static enum vsa_status cuse_handshake(struct vsa_cuse *cuse, int fd, bool *done,
                                      struct vsa_error *error)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    struct vsa_cuse_service service = {.cuse = cuse, .device = fd, .stop = -1, .now_ms = no_time};
    if (poll(&polled, 1, FIRST_MESSAGE_MS) != 1)
        return vsa_fail(error, VSA_ERR_IO, VSA_CUSE_DEVICE " sends nothing: it is no CUSE device");
    return serve_one(&service, done, error);
}

enum vsa_status vsa_cuse_open(struct vsa_cuse *cuse, int *device, struct vsa_error *error)
{
    char path[DEVICE_PATH_SIZE];
    struct stat status;
    bool done = false;
    VSA_AUTO_FD int fd = -1;
    (void)snprintf(path, sizeof(path), "/dev/%s", cuse->name);
    if (lstat(path, &status) == 0)
        return vsa_fail(error, VSA_ERR_ADDRESS_IN_USE,
                        "%s is there already: another software_nsm, or a real one", path);
    VSA_TRY(open_cuse(&fd, error));
    VSA_TRY(cuse_handshake(cuse, fd, &done, error));
    /* The node is made before write() returns, where /dev is kept by the kernel (devtmpfs). */
    if (done || lstat(path, &status) != 0 || !S_ISCHR(status.st_mode))
        return vsa_fail(error, VSA_ERR_IO, "the kernel did not make %s: is /dev a devtmpfs?", path);
    if (chmod(path, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH) != 0)
        return failed("cannot set the mode of the device", error);
    *device = vsa_take_fd(&fd);
    return VSA_OK;
}

enum vsa_status vsa_cuse_serve(const struct vsa_cuse_service *service, struct vsa_error *error)
{
    struct pollfd polled[] = {
        {.fd = service->stop, .events = POLLIN},
        {.fd = service->device, .events = POLLIN},
    };
    for (;;) {
        bool done = false;
        if (poll(polled, 2, -1) < 0 && errno != EINTR)
            return failed("poll", error);
        if (polled[0].revents)
            return VSA_OK;
        if (polled[1].revents)
            VSA_TRY(serve_one(service, &done, error));
        if (done)
            return vsa_fail(error, VSA_ERR_IO, "the kernel has taken the device away");
    }
}
