/* SPDX-License-Identifier: Apache-2.0 */
/* Single JSON values: their release, and bytes in either direction. */
#ifndef VSA_JSON_VALUE_H
#define VSA_JSON_VALUE_H

#include <stdbool.h>

#include <jansson.h>

#include "base/cleanup.h"
#include <vsattest/base.h>

VSA_DEFINE_CLEANUP(json_t, json_decref, vsa_cleanup_json);
#define VSA_AUTO_JSON VSA_CLEANUP(vsa_cleanup_json)

/* Returns the member, borrowed; NULL when it is missing or null, which both mean absent. */
json_t *vsa_json_get(const json_t *object, const char *key);

/* Returns a string's bytes, borrowed. `string` must be a JSON string. */
static inline struct vsa_slice vsa_json_string_slice(const json_t *string)
{
    return vsa_slice_of(json_string_value(string), json_string_length(string));
}

/* Returns whether the value, which may be NULL, is a string of exactly these bytes. */
bool vsa_json_is_text(const json_t *value, struct vsa_slice expected);

/* Makes a string of base64; null for an absent slice. Returns NULL when memory is short. */
json_t *vsa_json_base64(struct vsa_slice bytes);

/* Makes a string of lower-case hexadecimal digits. Returns NULL when memory is short. */
json_t *vsa_json_hex(struct vsa_slice bytes);

/*
 * Makes a string of the error's sentence, in valid UTF-8: a detail may quote the peer or a file,
 * and may be cut in the middle of a character. Returns NULL when memory is short.
 */
json_t *vsa_json_sentence(const struct vsa_error *error);

/* Makes a string of valid UTF-8, null of anything else. Returns NULL when memory is short. */
json_t *vsa_json_text_or_null(struct vsa_slice bytes);

#endif
