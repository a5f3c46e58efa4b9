/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by connecting and listening. */
#ifndef VSA_TRANSPORT_SOCKET_H
#define VSA_TRANSPORT_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>

#include <vsattest/transport.h>

struct sockaddr_un vsa_unix_sockaddr(const char *path);
struct sockaddr_vm vsa_vsock_sockaddr(uint32_t cid, uint32_t port);

#endif
