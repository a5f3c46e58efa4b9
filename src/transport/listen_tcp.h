/* SPDX-License-Identifier: Apache-2.0 */
/* Listening on TCP, for the relay on the parent; an enclave has no network. */
#ifndef VSA_TRANSPORT_LISTEN_TCP_H
#define VSA_TRANSPORT_LISTEN_TCP_H

#include <stdbool.h>

#include <vsattest/transport.h>

/*
 * Listens as vsa_listen() does.
 *
 * anywhere  in: an address that other machines can reach is permitted
 *
 * Errors: VSA_ERR_ARGUMENT for a name, and without `anywhere` for what is not a loopback address;
 * VSA_ERR_ADDRESS_IN_USE, VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_listen_tcp(const struct vsa_address *address, bool anywhere,
                                            struct vsa_listener *listener, struct vsa_error *error);

#endif
