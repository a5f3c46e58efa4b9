/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by connecting and listening. */
#ifndef VSA_TRANSPORT_SOCKET_H
#define VSA_TRANSPORT_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>

#include <vsattest/transport.h>

struct sockaddr_un vsa_unix_sockaddr(const char *path);
struct sockaddr_vm vsa_vsock_sockaddr(uint32_t cid, uint32_t port);

/* Returns the time until `deadline_ms`, for socket options: at least 1 ms. */
struct timeval vsa_timeval_until(int64_t deadline_ms);

/* Sets O_NONBLOCK. Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status vsa_make_non_blocking(int fd, struct vsa_error *error);

#endif
