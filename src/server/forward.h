/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a backend answers: what it gets of them, and what becomes of its reply. */
#ifndef VSA_SERVER_FORWARD_H
#define VSA_SERVER_FORWARD_H

#include "server/waiting.h"

/*
 * Adds a backend and the commands that it answers.
 *
 * commands  in: "sign,unlock"; NULL: every one that no other row answers
 * flags     in: VSA_COMMAND_RATE_LIMITED, VSA_COMMAND_SEALED_ONLY
 *
 * Errors: VSA_ERR_ARGUMENT, VSA_ERR_TOO_MANY, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_forward_add(struct vsa_requests *all, const char *commands,
                                             const char *address, size_t max_connections,
                                             unsigned flags, struct vsa_error *error);

/*
 * Sends a request to the backend of its row, with the member "vsattest".
 *
 * object   in/out: the request; gets the member
 * awaited  out: what to wait for; freed when it is done, or with vsa_waiter_abandon()
 *
 * Errors: VSA_ERR_FIELD (it has such a member, or one that may be taken for it or for "command"),
 * VSA_ERR_TOO_LARGE, VSA_ERR_BACKEND, VSA_ERR_BUSY, VSA_ERR_MEMORY; it was not sent then.
 */
VSA_MUST_USE enum vsa_status vsa_forward(struct vsa_requests *all,
                                         const struct vsa_request *request,
                                         const struct vsa_command_row *row, json_t *object,
                                         struct vsa_awaited **awaited, struct vsa_error *error);

#endif
