/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/wait.h"
#include "transport/connect_tcp.h"
#include "transport/connect_unix.h"
#include "transport/socket.h"

static enum vsa_status open_socket(int *fd, struct vsa_error *error)
{
    *fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd >= 0)
        return VSA_OK;
    if (errno == EAFNOSUPPORT)
        return vsa_fail_at(
            error, VSA_ERR_IO, VSA_NO_OFFSET, "vsock(7)",
            "this kernel has no vsock support: load the vsock module, or use a unix: "
            "or vsock-mux: address");
    return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "socket(2)", "%s", strerror(errno));
}

/* --- vsock ------------------------------------------------------------------------------------ */

/* Maps the errors of vsock, which differ from TCP's: af_vsock.c, virtio_transport_common.c. */
static enum vsa_status vsock_connect_failed(const struct vsa_address *address, int number,
                                            struct vsa_error *error)
{
    uint32_t cid = address->cid;
    uint32_t port = address->port;
    switch (number) {
    case ECONNRESET:
    case ECONNREFUSED:
        return vsa_fail_at(
            error, VSA_ERR_REFUSED, VSA_NO_OFFSET, "vsock(7)",
            "connection refused: no server listens on port %" PRIu32 " of CID %" PRIu32, port, cid);
    case ENODEV:
    case ENETUNREACH:
    case EADDRNOTAVAIL:
        return vsa_fail_at(error, VSA_ERR_NO_SUCH_CID, VSA_NO_OFFSET, "vsock(7)",
                           "no enclave with CID %" PRIu32 " (%s)", cid, strerror(number));
    case ETIMEDOUT:
    case EAGAIN:
        return vsa_fail_at(
            error, VSA_ERR_TIMEOUT, VSA_NO_OFFSET, "vsock(7)",
            "no answer from CID %" PRIu32 ", port %" PRIu32 ": is the enclave running?", cid, port);
    default:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "vsock(7)",
                           "connecting to CID %" PRIu32 ", port %" PRIu32 ": %s", cid, port,
                           strerror(number));
    }
}

static enum vsa_status await_vsock_connect(const struct vsa_address *address, int fd,
                                           int64_t deadline_ms, struct vsa_error *error)
{
    int number = 0;
    socklen_t size = sizeof(number);
    enum vsa_status status = vsa_wait_for(fd, POLLOUT, deadline_ms, "the enclave to accept", error);
    if (status == VSA_ERR_TIMEOUT)
        return vsock_connect_failed(address, ETIMEDOUT, error);
    VSA_TRY(status);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
        number = errno;
    return number == 0 ? VSA_OK : vsock_connect_failed(address, number, error);
}

static enum vsa_status connect_vsock(const struct vsa_address *address, int64_t deadline_ms,
                                     int *fd, struct vsa_error *error)
{
    VSA_AUTO_FD int opened = -1;
    struct sockaddr_vm name = vsa_vsock_sockaddr(address->cid, address->port);
    struct timeval timeout = vsa_timeval_until(deadline_ms);
    if (address->cid == VSA_CID_ANY)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "cannot connect to vsock:any: name the enclave's CID");
    VSA_TRY(open_socket(&opened, error));
    VSA_TRY(vsa_make_non_blocking(opened, error));
    /* Without it the kernel gives up after 2 s, regardless of the deadline. */
    if (setsockopt(opened, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout, sizeof(timeout)) < 0)
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "vsock(7)", "connect timeout: %s",
                           strerror(errno));
    if (connect(opened, (const struct sockaddr *)&name, sizeof(name)) < 0) {
        if (errno != EINPROGRESS && errno != EINTR)
            return vsock_connect_failed(address, errno, error);
        VSA_TRY(await_vsock_connect(address, opened, deadline_ms, error));
    }
    *fd = vsa_take_fd(&opened);
    return VSA_OK;
}

/* --- vsock-mux -------------------------------------------------------------------------------- */

/* "OK 4294967295" and room; a longer line is not this convention. */
#define MUX_MAX_REPLY 32

/* Reads one byte: what follows the newline belongs to the connection. */
static enum vsa_status read_mux_byte(int fd, int64_t deadline_ms, char *byte,
                                     struct vsa_error *error)
{
    for (;;) {
        VSA_TRY(vsa_wait_for(fd, POLLIN, deadline_ms, "the vsock multiplexer's OK", error));
        ssize_t got = recv(fd, byte, 1, MSG_DONTWAIT);
        if (got == 1)
            return VSA_OK;
        if (got == 0 || errno == ECONNRESET)
            return vsa_fail(error, VSA_ERR_CLOSED, "closed");
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "recv(2)", "%s", strerror(errno));
    }
}

static bool is_mux_ok(const char *reply, size_t size)
{
    if (size < 4 || memcmp(reply, "OK ", 3) != 0)
        return false;
    /* Whose number it is differs between multiplexers; it says nothing we need. */
    for (size_t i = 3; i < size; i++)
        if (reply[i] < '0' || reply[i] > '9')
            return false;
    return true;
}

static enum vsa_status read_mux_reply(int fd, int64_t deadline_ms, struct vsa_error *error)
{
    char reply[MUX_MAX_REPLY];
    size_t size = 0;
    for (;;) {
        if (size == sizeof(reply))
            return vsa_fail_at(error, VSA_ERR_REPLY, VSA_NO_OFFSET, "Firecracker docs/vsock.md",
                               "the reply to CONNECT is longer than %zu bytes: not a vsock "
                               "multiplexer",
                               sizeof(reply));
        VSA_TRY(read_mux_byte(fd, deadline_ms, &reply[size], error));
        if (reply[size] == '\n')
            break;
        size++;
    }
    if (!is_mux_ok(reply, size))
        return vsa_fail_at(error, VSA_ERR_REPLY, VSA_NO_OFFSET, "Firecracker docs/vsock.md",
                           "the reply to CONNECT is not \"OK NUMBER\": not a vsock multiplexer");
    return VSA_OK;
}

static enum vsa_status connect_vsock_mux(const struct vsa_address *address, int64_t deadline_ms,
                                         int *fd, struct vsa_error *error)
{
    VSA_AUTO_FD int opened = -1;
    char request[32];
    VSA_TRY(vsa_connect_unix(address->path, deadline_ms, &opened, error));
    (void)snprintf(request, sizeof(request), "CONNECT %" PRIu32 "\n", address->port);
    enum vsa_status status = vsa_send_all(opened, vsa_slice_of_text(request), deadline_ms, error);
    if (status == VSA_OK)
        status = read_mux_reply(opened, deadline_ms, error);
    if (status == VSA_ERR_CLOSED)
        return vsa_fail_at(error, VSA_ERR_REFUSED, VSA_NO_OFFSET, "Firecracker docs/vsock.md",
                           "connection refused: no server listens on port %" PRIu32
                           " of the guest behind %s",
                           address->port, address->path);
    VSA_TRY(status);
    *fd = vsa_take_fd(&opened);
    return VSA_OK;
}

enum vsa_status vsa_connect(const struct vsa_address *address, int64_t deadline_ms, int *fd,
                            struct vsa_error *error)
{
    switch (address->kind) {
    case VSA_ADDRESS_VSOCK:
        return connect_vsock(address, deadline_ms, fd, error);
    case VSA_ADDRESS_UNIX:
        return vsa_connect_unix(address->path, deadline_ms, fd, error);
    case VSA_ADDRESS_VSOCK_MUX:
        return connect_vsock_mux(address, deadline_ms, fd, error);
    case VSA_ADDRESS_TCP:
        return vsa_connect_tcp(address, deadline_ms, fd, error);
    }
    return vsa_fail(error, VSA_ERR_ARGUMENT, "not an address");
}
