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

/*
 * VSA_OK when the reply says "success": true. Decoding.
 *
 * Otherwise the peer's own status where a client reacts to it (busy, timeout, shutting_down,
 * too_many_connections, idle_timeout, line_too_long, nsm_unreachable, nsm_error), else
 * VSA_ERR_REFUSED_BY_PEER; the detail has the peer's words, made printable and cut short.
 * VSA_ERR_REPLY when "success" is missing or not a boolean.
 */
VSA_MUST_USE enum vsa_status vsa_reply_check(const json_t *reply, struct vsa_error *error);

#endif
