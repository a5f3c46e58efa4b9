/* SPDX-License-Identifier: Apache-2.0 */
/* What all requests share: docs/PROTOCOL.md, "Requests". */
#ifndef VSA_PROTOCOL_REQUEST_H
#define VSA_PROTOCOL_REQUEST_H

#include "protocol/json.h"

#define VSA_COMMAND_NAME_PING     "ping"
#define VSA_COMMAND_NAME_STATUS   "status"
#define VSA_COMMAND_NAME_ATTEST   "attest"
#define VSA_COMMAND_NAME_METRICS  "metrics"
#define VSA_COMMAND_NAME_SEAL_KEY "seal_key"
#define VSA_COMMAND_NAME_SEALED   "sealed"

/* Returns {"command": command}, a new reference; NULL when memory is short. */
json_t *vsa_request_new(const char *command);

/*
 * Sets `*command` to the command's name, borrowed from the request.
 * Errors: VSA_ERR_REQUEST when there is none, VSA_ERR_FIELD when it is no string or
 * holds U+0000.
 */
VSA_MUST_USE enum vsa_status vsa_request_command(const json_t *request, const char **command,
                                                 struct vsa_error *error);

/*
 * Sets `*id` to the client's `id`, borrowed from the request; NULL when absent.
 * Errors: VSA_ERR_FIELD unless it is a string or an integer, VSA_ERR_TOO_LARGE for a string of
 * more than VSA_MAX_REQUEST_ID bytes.
 */
VSA_MUST_USE enum vsa_status vsa_request_id(const json_t *request, json_t **id,
                                            struct vsa_error *error);

#endif
