/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to an enclave, for one request at a time: calls on one channel must not overlap.
 */
#ifndef VSA_CLIENT_CHANNEL_H
#define VSA_CLIENT_CHANNEL_H

#include <stdbool.h>

#include <jansson.h>

#include <vsattest/base.h>

/*
 * After VSA_ERR_TIMEOUT, VSA_ERR_CLOSED, VSA_ERR_IO, VSA_ERR_REPLY, VSA_ERR_JSON and
 * VSA_ERR_LINE_TOO_LONG the next line may belong to any request, so the channel is broken and
 * returns VSA_ERR_CLOSED from then on.
 */
struct vsa_channel;

/*
 * Connects.
 *
 * timeout_ms  in: for connecting and the first exchange together; each later exchange gets as much
 * channel     out: set on success; free with vsa_channel_close()
 *
 * Errors: those of vsa_address_parse() and vsa_connect(), VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_channel_open(const char *address, int64_t timeout_ms,
                                              struct vsa_channel **channel,
                                              struct vsa_error *error);
/* Closes the connection and frees the channel. NULL is fine. */
void vsa_channel_close(struct vsa_channel *channel);

/* Sends a request and reads the reply; parameters and errors: vsa_client_request(). */
VSA_MUST_USE enum vsa_status vsa_channel_request(struct vsa_channel *channel, const json_t *request,
                                                 json_t **reply, struct vsa_error *error);

/* Returns the last reply's "retry_after_ms", 0..VSA_MAX_RETRY_AFTER_MS, or -1 if it had none. */
int64_t vsa_channel_retry_after_ms(const struct vsa_channel *channel);

/* Returns whether an earlier request broke the channel. */
bool vsa_channel_is_broken(const struct vsa_channel *channel);

/*
 * Returns whether a request can be sent now: not broken, and the peer has neither closed nor sent
 * anything unrequested. Never blocks.
 */
bool vsa_channel_is_ready(const struct vsa_channel *channel);

/* Returns whether some of the last request may have been sent. */
bool vsa_channel_has_sent(const struct vsa_channel *channel);

/* Returns whether the last request broke the channel before any byte of a reply came. */
bool vsa_channel_is_unanswered(const struct vsa_channel *channel);

/* Sets the time of each exchange from now on, but not of the first one after connecting. */
void vsa_channel_set_timeout(struct vsa_channel *channel, int64_t timeout_ms);

#endif
