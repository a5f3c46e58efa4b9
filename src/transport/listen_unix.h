/* SPDX-License-Identifier: Apache-2.0 */
/* Listening on a Unix socket of any type, for servers and the software NSM. */
#ifndef VSA_TRANSPORT_LISTEN_UNIX_H
#define VSA_TRANSPORT_LISTEN_UNIX_H

#include <vsattest/transport.h>

/* The kernel cuts it down to net.core.somaxconn. */
#define VSA_LISTEN_BACKLOG INT32_MAX

/*
 * Listens at `path` as vsa_listen() does. The file appears when connecting works already, so that
 * a process that waits for it may connect at once.
 *
 * path      in: fewer than VSA_MAX_SOCKET_PATH bytes
 * type      in: SOCK_STREAM or SOCK_SEQPACKET
 * listener  out: set on success; vsa_listener_close() removes the file
 *
 * Errors: VSA_ERR_ADDRESS_IN_USE, VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status
vsa_listen_unix(const char *path, int type, struct vsa_listener *listener, struct vsa_error *error);

#endif
