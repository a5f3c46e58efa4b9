/* SPDX-License-Identifier: Apache-2.0 */
/* The transport of request and response bytes to an NSM and back. */
#ifndef VSA_NSM_TRANSPORT_H
#define VSA_NSM_TRANSPORT_H

#include <stdint.h>
#include <sys/ioctl.h>

#include <vsattest/nsm.h>

/* A transport. Implementations have it as their first member. */
struct vsa_nsm_transport {
    /*
     * Sends one request and waits for its response, which `*response` borrows from `buffer`.
     *
     * request   in: 1..VSA_NSM_MAX_REQUEST bytes
     * buffer    out: `capacity` bytes, VSA_NSM_MAX_RESPONSE at least
     *
     * Errors: VSA_ERR_NSM_UNREACHABLE, VSA_ERR_TIMEOUT, VSA_ERR_TOO_LARGE (request), VSA_ERR_REPLY
     * (no response, or one that was cut off). After any error the next call starts afresh: a
     * late response never answers another request.
     */
    enum vsa_status (*exchange)(struct vsa_nsm_transport *transport, struct vsa_slice request,
                                uint8_t *buffer, size_t capacity, struct vsa_slice *response,
                                struct vsa_error *error);
    /* Frees it with all it holds. */
    void (*close)(struct vsa_nsm_transport *transport);
};

/*
 * Creates an NSM over `transport`, which it owns from now on,
 * also if this fails with VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_nsm_new(struct vsa_nsm_transport *transport, struct vsa_nsm **nsm,
                                         struct vsa_error *error);

/* Calls `observer` after every exchange, in its thread; `status` is the transport's. */
void vsa_nsm_set_observer(struct vsa_nsm *nsm,
                          void (*observer)(void *user, int64_t duration_us, enum vsa_status status),
                          void *user);

/* --- the kernel's device --------------------------------------------------------------------- */

/* linux/nsm.h, which distributions do not have yet: struct nsm_iovec, struct nsm_raw. */
struct vsa_nsm_iovec {
    uint64_t address;
    uint64_t length; /* bytes */
};
struct vsa_nsm_raw {
    struct vsa_nsm_iovec request;
    struct vsa_nsm_iovec response; /* length in: room; out: bytes of the response */
};

/* The driver's only call; for <sys/ioctl.h>. */
#define VSA_NSM_IOCTL_RAW _IOWR(0x0a, 0, struct vsa_nsm_raw)

/*
 * Calls NSM_IOCTL_RAW on `fd`. Returns 0, or -1 and errno; EFAULT for NULL. Tests put their own in.
 */
typedef int vsa_nsm_ioctl(int fd, struct vsa_nsm_raw *raw);

/*
 * Opens the device; `call` is NULL for the kernel's ioctl. A device that is not an NSM is refused.
 * Errors: VSA_ERR_NSM_UNREACHABLE with what to do, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_nsm_device_open(const char *path, vsa_nsm_ioctl *call,
                                                 struct vsa_nsm_transport **transport,
                                                 struct vsa_error *error);
/* Makes one over `fd`, which it owns from now on, also on failure. Errors as above. */
VSA_MUST_USE enum vsa_status vsa_nsm_device_new(int fd, vsa_nsm_ioctl *call,
                                                struct vsa_nsm_transport **transport,
                                                struct vsa_error *error);

/* --- the software NSM's socket --------------------------------------------------------------- */

/* sun_path of sockaddr_un with its NUL (unix(7)). */
#define VSA_NSM_MAX_PATH 108

/*
 * Connects to the SOCK_SEQPACKET socket at `path`: one message is one request or one response.
 * One exchange, connecting again included, takes `timeout_ms` at most.
 * Errors: VSA_ERR_ARGUMENT, VSA_ERR_NSM_UNREACHABLE, VSA_ERR_TIMEOUT, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_nsm_socket_open(const char *path, int timeout_ms,
                                                 struct vsa_nsm_transport **transport,
                                                 struct vsa_error *error);

#endif
