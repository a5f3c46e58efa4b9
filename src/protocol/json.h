/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object a line, both ways: docs/PROTOCOL.md, "Framing". */
#ifndef VSA_PROTOCOL_JSON_H
#define VSA_PROTOCOL_JSON_H

#include <stdbool.h>

#include "json/value.h"
#include "json/writer.h"
#include <vsattest/base.h>
#include <vsattest/limits.h>

/*
 * Reads a line without its newline: one object of at most VSA_MAX_REPLY_LINE bytes and
 * VSA_MAX_JSON_DEPTH levels; strings may hold U+0000. Otherwise as vsa_json_load_object().
 */
VSA_MUST_USE enum vsa_status vsa_json_parse(struct vsa_slice text, json_t **object,
                                            struct vsa_error *error);

/*
 * Does the same; of a request `sealed` its member of that name may stay in the line.
 *
 * apart  out: for vsa_json_apart_slice() with that member; borrows `text`
 */
VSA_MUST_USE enum vsa_status vsa_json_parse_sealed(struct vsa_slice text, json_t **object,
                                                   struct vsa_slice *apart,
                                                   struct vsa_error *error);

/*
 * Writes the object in compact form and a newline. `*size` counts the newline; there is no NUL.
 * Errors: VSA_ERR_BUFFER when `capacity` is too small, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_json_write_line(const json_t *object, char *buffer,
                                                 size_t capacity, size_t *size,
                                                 struct vsa_error *error);

/* Returns whether the text holds nothing but spaces, tabs and carriage returns. */
bool vsa_json_is_blank(struct vsa_slice text);

#endif
