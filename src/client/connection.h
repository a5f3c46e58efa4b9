/* SPDX-License-Identifier: Apache-2.0 */
/* What the pool needs to know of a connection, and users of client.h do not. */
#ifndef VSA_CLIENT_CONNECTION_H
#define VSA_CLIENT_CONNECTION_H

#include <vsattest/client.h>

/* Nobody knows what the next line on it would answer. */
bool vsa_client_is_broken(const struct vsa_client *client);

/*
 * Whether a request could go out now: not broken, and the peer has neither hung up nor said
 * anything unasked. Never waits.
 */
bool vsa_client_is_ready(const struct vsa_client *client);

/* The last request broke the connection, and not a byte of a reply had come. */
bool vsa_client_is_unanswered(const struct vsa_client *client);

/* The time for each exchange from now on, but not for the first one after connecting. */
void vsa_client_set_timeout(struct vsa_client *client, int64_t timeout_ms);

/* A status reply holds what vsa_client_status() promises, or VSA_ERR_REPLY. */
VSA_MUST_USE enum vsa_status vsa_client_check_status(const json_t *reply, struct vsa_error *error);

#endif
