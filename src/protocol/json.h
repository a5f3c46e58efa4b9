/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object a line, both ways: docs/PROTOCOL.md, "Framing". */
#ifndef VSA_PROTOCOL_JSON_H
#define VSA_PROTOCOL_JSON_H

#include <stdbool.h>

#include <jansson.h>

#include "base/cleanup.h"
#include <vsattest/base.h>
#include <vsattest/limits.h>

VSA_DEFINE_CLEANUP(json_t, json_decref, vsa_cleanup_json);
#define VSA_AUTO_JSON VSA_CLEANUP(vsa_cleanup_json)

/*
 * A line without its newline, strictly: one object and nothing after it, no key twice, at most
 * VSA_MAX_JSON_DEPTH levels, valid UTF-8 (strings may hold \u0000).
 *
 * text    in: at most VSA_MAX_REPLY_LINE bytes
 * object  out: new reference, set on success
 *
 * Errors: VSA_ERR_EMPTY (nothing but spaces), VSA_ERR_TOO_LARGE, VSA_ERR_NESTING, VSA_ERR_JSON,
 * VSA_ERR_DUPLICATE_KEY, VSA_ERR_MEMORY; with the offset, and without a word of the input.
 */
VSA_MUST_USE enum vsa_status vsa_json_parse(struct vsa_slice text, json_t **object,
                                            struct vsa_error *error);

/*
 * The object in compact form and a newline. `*size` counts the newline; there is no NUL.
 * Errors: VSA_ERR_BUFFER when `capacity` is too small, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_json_write_line(const json_t *object, char *buffer,
                                                 size_t capacity, size_t *size,
                                                 struct vsa_error *error);

/* Whether the text holds nothing but spaces, tabs and carriage returns. */
bool vsa_json_is_blank(struct vsa_slice text);

/* The member, or NULL when it is missing or null: both mean absent. Borrowed. */
json_t *vsa_json_get(const json_t *object, const char *key);

/* A string's bytes, borrowed. `string` must be a JSON string. */
static inline struct vsa_slice vsa_json_string_slice(const json_t *string)
{
    return vsa_slice_of(json_string_value(string), json_string_length(string));
}

/*
 * Sets a member; takes over the reference, also on failure. `value` may be NULL, as a jansson
 * constructor that failed returns it: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_json_set(json_t *object, const char *key, json_t *value,
                                          struct vsa_error *error);

/* New JSON string of base64; null for an absent slice; NULL when memory is short. */
json_t *vsa_json_base64(struct vsa_slice bytes);

/* New JSON string if the bytes are valid UTF-8, else null; NULL when memory is short. */
json_t *vsa_json_text_or_null(struct vsa_slice bytes);

#endif
