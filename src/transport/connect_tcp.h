/* SPDX-License-Identifier: Apache-2.0 */
/* TCP, for what is outside an enclave: a client's way to the relay on the parent. */
#ifndef VSA_TRANSPORT_CONNECT_TCP_H
#define VSA_TRANSPORT_CONNECT_TCP_H

#include <vsattest/transport.h>

/* Addresses of one name that are tried: a host with more has them in order of preference. */
#define VSA_MAX_RESOLVED 8

/*
 * Connects as vsa_connect() does. Each address of a name is tried in turn, and has an equal part of
 * the time that is left.
 */
VSA_MUST_USE enum vsa_status vsa_connect_tcp(const struct vsa_address *address, int64_t deadline_ms,
                                             int *fd, struct vsa_error *error);

#endif
