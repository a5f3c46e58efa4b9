/* SPDX-License-Identifier: Apache-2.0 */
/* Requests with a deadline of the caller's, and ones that go out once. */
#ifndef VSA_CLIENT_CLIENT_H
#define VSA_CLIENT_CLIENT_H

#include <vsattest/client.h>

/* Does the same as vsa_client_request(), until `deadline_ms`. */
VSA_MUST_USE enum vsa_status vsa_client_request_until(struct vsa_client *client,
                                                      const json_t *request, int64_t deadline_ms,
                                                      json_t **reply, struct vsa_error *error);

/*
 * Does the same for what must not be repeated: once it has begun to be sent, no failure has it sent
 * again. Before that, connecting is retried as the client's options say.
 *
 * sent  out: whether some of it may have been sent
 */
VSA_MUST_USE enum vsa_status vsa_client_request_once(struct vsa_client *client,
                                                     const json_t *request, int64_t deadline_ms,
                                                     bool *sent, json_t **reply,
                                                     struct vsa_error *error);

/* Returns the deadline of a call that begins now. */
int64_t vsa_client_deadline(const struct vsa_client *client);

/* Sets the time of later calls. No call may be in progress. */
void vsa_client_set_timeout(struct vsa_client *client, int64_t timeout_ms);

#endif
