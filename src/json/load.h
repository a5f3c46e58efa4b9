/* SPDX-License-Identifier: Apache-2.0 */
/* The one reader of JSON text (RFC 8259): lines of the protocol, files, output of programs. */
#ifndef VSA_JSON_LOAD_H
#define VSA_JSON_LOAD_H

#include <stdbool.h>

#include "json/value.h"

/* What a text may be. In error messages `name` is the subject and `advice` the end. */
struct vsa_json_limits {
    const char *name;   /* a noun phrase, such as "the line" */
    const char *advice; /* what to do instead; or NULL */
    size_t max_size;    /* bytes */
    size_t max_depth;   /* levels of arrays and objects */
    bool allow_nul;     /* strings may hold U+0000: foreign bytes, never used as C strings */
    bool skip_preamble; /* a byte order mark and lines of text before the first { or [ */
};

/*
 * Reads one value and nothing after it: no key twice, valid UTF-8.
 *
 * value  out: new reference, set on success
 *
 * Errors: VSA_ERR_EMPTY (white space only), VSA_ERR_TOO_LARGE, VSA_ERR_NESTING, VSA_ERR_JSON,
 * VSA_ERR_DUPLICATE_KEY, VSA_ERR_MEMORY; with the offset in `text`, and without a word of it: it
 * may be secret, and errors are logged.
 */
VSA_MUST_USE enum vsa_status vsa_json_load(struct vsa_slice text,
                                           const struct vsa_json_limits *limits, json_t **value,
                                           struct vsa_error *error);

/* Does the same; VSA_ERR_JSON, too, for any other value than an object. */
VSA_MUST_USE enum vsa_status vsa_json_load_object(struct vsa_slice text,
                                                  const struct vsa_json_limits *limits,
                                                  json_t **object, struct vsa_error *error);

/*
 * Does the same for an object with one long string, such as a document in base64: jansson takes
 * 20 ns a character. Where the longest string is printable ASCII without escapes, it stays in the
 * text, and the object has something else in its place.
 *
 * apart  out: what vsa_json_apart_slice() is given with each string of the object; borrows `text`
 */
VSA_MUST_USE enum vsa_status vsa_json_load_object_apart(struct vsa_slice text,
                                                        const struct vsa_json_limits *limits,
                                                        json_t **object, struct vsa_slice *apart,
                                                        struct vsa_error *error);
/* Returns the bytes of a string; they belong to it, or are those that were kept apart. */
struct vsa_slice vsa_json_apart_slice(const json_t *string, struct vsa_slice apart);
/* Copies what was kept apart to where it belongs in the value. Errors: VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_json_put_back(json_t *value, struct vsa_slice apart,
                                               struct vsa_error *error);

#endif
