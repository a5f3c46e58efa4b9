/* SPDX-License-Identifier: Apache-2.0 */
/* What all replies share: docs/PROTOCOL.md, "Replies" and "Errors". */
#ifndef VSA_PROTOCOL_REPLY_H
#define VSA_PROTOCOL_REPLY_H

#include "protocol/json.h"

/*
 * Makes `reply`, an object, {"success": false, "error": sentence, "error_code": code}, whatever
 * it held before. Encoding. Errors: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_reply_set_error(json_t *reply, const struct vsa_error *cause,
                                                 struct vsa_error *error);

/* Adds when it makes sense to ask again, in milliseconds from now. Errors: VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_reply_set_retry_after(json_t *reply, int64_t retry_after_ms,
                                                       struct vsa_error *error);

/* The same, 0..VSA_MAX_RETRY_AFTER_MS; -1 when the reply says nothing that makes sense. */
int64_t vsa_reply_retry_after(const json_t *reply);

/*
 * VSA_OK when the reply says "success": true. Decoding.
 *
 * Otherwise the peer's own status where a client reacts to it (busy, timeout, shutting_down,
 * too_many_connections, idle_timeout, line_too_long, nsm_unreachable, nsm_error,
 * rate_limited), else VSA_ERR_REFUSED_BY_PEER; the detail has the peer's words, made printable and
 * cut short. VSA_ERR_REPLY when "success" is missing or not a boolean.
 */
VSA_MUST_USE enum vsa_status vsa_reply_check(const json_t *reply, struct vsa_error *error);

#endif
