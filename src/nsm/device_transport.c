/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/nsm, the kernel's way to the Nitro Secure Module (linux drivers/misc/nsm.c). */
#include "nsm/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"

static const char rule[] = "linux include/uapi/linux/nsm.h";

_Static_assert(sizeof(struct vsa_nsm_raw) == 32, "struct nsm_raw of linux/nsm.h has 32 bytes");

struct device_transport {
    struct vsa_nsm_transport base;
    int fd;
    vsa_nsm_ioctl *call;
};

static struct device_transport *device_of(struct vsa_nsm_transport *transport)
{
    return (struct device_transport *)(void *)transport;
}

static int call_kernel(int fd, struct vsa_nsm_raw *raw)
{
    return ioctl(fd, VSA_NSM_IOCTL_RAW, raw);
}

static enum vsa_status call_failed(int number, struct vsa_error *error)
{
    if (number == EMSGSIZE)
        return vsa_fail_at(error, VSA_ERR_TOO_LARGE, VSA_NO_OFFSET, rule,
                           "the NSM device takes requests of %d bytes at most",
                           VSA_NSM_MAX_REQUEST);
    if (number == ETIMEDOUT)
        return vsa_fail_at(error, VSA_ERR_TIMEOUT, VSA_NO_OFFSET, rule,
                           "the Nitro Secure Module did not answer its driver in time");
    return vsa_fail_at(error, VSA_ERR_NSM_UNREACHABLE, VSA_NO_OFFSET, rule, "NSM device: %s",
                       strerror(number));
}

/*
 * Exchanges one message. A response longer than the buffer would be cut without an error, hence its
 * full size. EINTR means that the driver was still waiting for its turn: the request was not sent.
 */
static enum vsa_status exchange(struct vsa_nsm_transport *transport, struct vsa_slice request,
                                uint8_t *buffer, size_t capacity, struct vsa_slice *response,
                                struct vsa_error *error)
{
    struct device_transport *device = device_of(transport);
    struct vsa_nsm_raw raw;
    int result = 0;
    do {
        raw.request.address = (uint64_t)(uintptr_t)request.data;
        raw.request.length = request.size;
        raw.response.address = (uint64_t)(uintptr_t)buffer;
        raw.response.length = capacity;
        result = device->call(device->fd, &raw);
    } while (result < 0 && errno == EINTR);
    if (result < 0)
        return call_failed(errno, error);
    if (raw.response.length == 0 || raw.response.length > capacity)
        return vsa_fail_at(error, VSA_ERR_REPLY, VSA_NO_OFFSET, rule,
                           "the NSM device gave a response of %llu bytes",
                           (unsigned long long)raw.response.length);
    *response = vsa_slice_of(buffer, (size_t)raw.response.length);
    return VSA_OK;
}

static void close_device(struct vsa_nsm_transport *transport)
{
    struct device_transport *device = device_of(transport);
    (void)close(device->fd);
    free(device);
}

/*
 * Returns whether it is another driver's: that one does not know the call, or takes it for
 * something else. NSM drivers (Linux's and the one that comes with nitro-cli) fail to copy the
 * argument, before the module is asked anything.
 */
static bool is_other_device(int fd, vsa_nsm_ioctl *call)
{
    /* ENOSYS: /dev/loop-control; EBADFD: /dev/net/tun. */
    return call(fd, NULL) == 0 || errno == ENOTTY || errno == EINVAL || errno == ENOSYS ||
           errno == EBADFD;
}

enum vsa_status vsa_nsm_device_new(int fd, vsa_nsm_ioctl *call,
                                   struct vsa_nsm_transport **transport, struct vsa_error *error)
{
    VSA_AUTO_FD int owned = fd;
    if (is_other_device(fd, call))
        return vsa_fail_at(error, VSA_ERR_NSM_UNREACHABLE, VSA_NO_OFFSET, rule,
                           "the device is not a Nitro Secure Module; that is " VSA_NSM_DEVICE
                           " in an enclave, and unix:PATH for a software NSM");
    struct device_transport *device = calloc(1, sizeof(*device));
    if (!device)
        return vsa_fail_memory(error);
    device->base.exchange = exchange;
    device->base.close = close_device;
    device->fd = vsa_take_fd(&owned);
    device->call = call;
    *transport = &device->base;
    return VSA_OK;
}

static enum vsa_status open_failed(const char *path, int number, struct vsa_error *error)
{
    if (number == ENOENT || number == ENODEV || number == ENXIO)
        return vsa_fail(error, VSA_ERR_NSM_UNREACHABLE,
                        "no Nitro Secure Module at %s: run this inside a Nitro Enclave, or start "
                        "'software_nsm --listen unix:PATH' and give the address unix:PATH",
                        path);
    return vsa_fail(error, VSA_ERR_NSM_UNREACHABLE, "cannot open the Nitro Secure Module %s: %s",
                    path, strerror(number));
}

enum vsa_status vsa_nsm_device_open(const char *path, vsa_nsm_ioctl *call,
                                    struct vsa_nsm_transport **transport, struct vsa_error *error)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return open_failed(path, errno, error);
    /* Checked before opening: opening a FIFO, say, has effects of its own. */
    if (!S_ISCHR(status.st_mode))
        return vsa_fail(error, VSA_ERR_NSM_UNREACHABLE,
                        "%s is not a device; a software NSM is given as unix:PATH", path);
    VSA_AUTO_FD int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return open_failed(path, errno, error);
    return vsa_nsm_device_new(vsa_take_fd(&fd), call ? call : call_kernel, transport, error);
}
