/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of a host by getaddrinfo(3), with a deadline, which that function has not. */
#ifndef VSA_TRANSPORT_RESOLVE_H
#define VSA_TRANSPORT_RESOLVE_H

#include <netdb.h>

#include <vsattest/base.h>

/*
 * Looks up a host.
 *
 * host         in: an IPv4 or IPv6 address, which needs no server, or a name
 * deadline_ms  in: absolute, as vsa_deadline() makes it
 * found        out: at least one; freeaddrinfo() by the caller
 *
 * A lookup that misses the deadline goes on in a thread of its own, until the resolver gives up.
 *
 * Errors: VSA_ERR_TIMEOUT; VSA_ERR_IO (no such host, no name server), VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_resolve(const char *host, uint32_t port, int64_t deadline_ms,
                                         struct addrinfo **found, struct vsa_error *error);

#endif
