/* SPDX-License-Identifier: Apache-2.0 */
/* What all replies share: docs/PROTOCOL.md, "Replies" and "Errors". */
#ifndef VSA_PROTOCOL_REPLY_H
#define VSA_PROTOCOL_REPLY_H

#include "protocol/json.h"

/*
 * Sets the object `reply` to {"success": false, "error": sentence, "error_code": code}; members
 * that it had are removed. Errors: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_reply_set_error(json_t *reply, const struct vsa_error *cause,
                                                 struct vsa_error *error);

/* Adds "retry_after_ms", the pause before a retry may succeed. Errors: VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_reply_set_retry_after(json_t *reply, int64_t retry_after_ms,
                                                       struct vsa_error *error);

/* Returns "retry_after_ms", 0..VSA_MAX_RETRY_AFTER_MS; -1 if missing or malformed. */
int64_t vsa_reply_retry_after(const json_t *reply);

/* `,"id":` and an id, whose bytes may become \u00xx each. */
#define VSA_REPLY_ID (8 + 6 * VSA_MAX_REQUEST_ID)

/*
 * Prints the member `id`, NULL for none, to VSA_REPLY_ID bytes, which `*text` borrows.
 * Errors: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_reply_print_id(const json_t *id, char *buffer,
                                                struct vsa_slice *text, struct vsa_error *error);

/*
 * Returns VSA_OK if the reply has "success": true.
 *
 * Otherwise the peer's status where a client reacts to it (busy, timeout, shutting_down,
 * too_many_connections, idle_timeout, line_too_long, nsm_unreachable, nsm_error,
 * rate_limited, backend_unavailable), else VSA_ERR_REFUSED_BY_PEER; the detail is the peer's
 * sentence, made printable and cut short. VSA_ERR_REPLY if "success" is missing or not a boolean.
 */
VSA_MUST_USE enum vsa_status vsa_reply_check(const json_t *reply, struct vsa_error *error);

#endif
