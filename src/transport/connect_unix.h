/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting to a Unix socket. Apart from vsa_connect(), so that a server that needs only this
 * links no resolver of names.
 */
#ifndef VSA_TRANSPORT_CONNECT_UNIX_H
#define VSA_TRANSPORT_CONNECT_UNIX_H

#include <vsattest/transport.h>

/*
 * Connects to a Unix socket without waiting; `*fd` as from vsa_connect(). Errors: VSA_ERR_REFUSED,
 * VSA_ERR_TIMEOUT (the backlog is full), VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_connect_unix_at_once(const char *path, int *fd,
                                                      struct vsa_error *error);

/* Connects as vsa_connect() does. */
VSA_MUST_USE enum vsa_status vsa_connect_unix(const char *path, int64_t deadline_ms, int *fd,
                                              struct vsa_error *error);

#endif
