/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/listen_tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "transport/listen_unix.h"

/* A numeric address of either family, as bind(2) takes it. */
struct tcp_name {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t size;
    bool is_loopback;
};

static bool read_name(const struct vsa_address *address, struct tcp_name *name)
{
    in_port_t port = htons((uint16_t)address->port);
    *name = (struct tcp_name){0};
    if (inet_pton(AF_INET, address->path, &name->address.v4.sin_addr) == 1) {
        name->address.v4.sin_family = AF_INET;
        name->address.v4.sin_port = port;
        name->size = sizeof(name->address.v4);
        name->is_loopback = ntohl(name->address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        return true;
    }
    *name = (struct tcp_name){0};
    if (inet_pton(AF_INET6, address->path, &name->address.v6.sin6_addr) != 1)
        return false;
    name->address.v6.sin6_family = AF_INET6;
    name->address.v6.sin6_port = port;
    name->size = sizeof(name->address.v6);
    name->is_loopback = IN6_IS_ADDR_LOOPBACK(&name->address.v6.sin6_addr);
    return true;
}

static enum vsa_status bind_failed(const char *address, int number, struct vsa_error *error)
{
    switch (number) {
    case EADDRINUSE:
        return vsa_fail(error, VSA_ERR_ADDRESS_IN_USE,
                        "%s is in use: stop the program that listens there, or choose another port",
                        address);
    case EACCES:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "ip(7)",
                           "no permission to listen on %s: ports below 1024 need "
                           "CAP_NET_BIND_SERVICE",
                           address);
    case EADDRNOTAVAIL:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "ip(7)",
                           "%s: this machine does not have that address", address);
    default:
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "bind(2)", "%s: %s", address,
                           strerror(number));
    }
}

static enum vsa_status check_name(const char *text, const struct vsa_address *address,
                                  bool anywhere, struct tcp_name *name, struct vsa_error *error)
{
    if (!read_name(address, name))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%s: to listen takes a numeric address, such as 127.0.0.1 or [::1]", text);
    if (!anywhere && !name->is_loopback)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%s can be reached from other machines: only a loopback address (127.0.0.1 "
                        "or [::1]) is permitted here",
                        text);
    return VSA_OK;
}

enum vsa_status vsa_listen_tcp(const struct vsa_address *address, bool anywhere,
                               struct vsa_listener *listener, struct vsa_error *error)
{
    const int on = 1;
    char text[VSA_MAX_ADDRESS];
    struct tcp_name name;
    (void)vsa_address_format(address, text, sizeof(text));
    VSA_TRY(check_name(text, address, anywhere, &name, error));
    VSA_AUTO_FD int opened =
        socket(name.address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (opened < 0)
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "socket(2)", "%s", strerror(errno));
    /* A restart does not wait for connections of the last process. Accepted sockets inherit the
     * second: each line goes out at once. */
    (void)setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    (void)setsockopt(opened, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(opened, &name.address.any, name.size) < 0 || listen(opened, VSA_LISTEN_BACKLOG) < 0)
        return bind_failed(text, errno, error);
    *listener = (struct vsa_listener){.fd = vsa_take_fd(&opened), .address = *address};
    return VSA_OK;
}
