/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way JSON is built: members are put one after the other, and whether all of them could be
 * is asked once, at the end.
 *
 *     struct vsa_json_writer writer = vsa_json_object();
 *     vsa_json_put(&writer, "cid", json_integer(cid));
 *     vsa_json_put(&writer, "name", json_string(name));
 *     return vsa_json_finish(&writer);
 */
#ifndef VSA_JSON_WRITER_H
#define VSA_JSON_WRITER_H

#include <stdbool.h>

#include "json/value.h"

struct vsa_json_writer {
    json_t *value; /* the object or array, a reference of the writer's; NULL when it ended */
    bool failed;   /* something could not be allocated, or was put where it cannot be */
};

/* Begins an object, or an array. One of the two ends below must follow. */
struct vsa_json_writer vsa_json_object(void);
struct vsa_json_writer vsa_json_array(void);

/* Begins with what `object`, which stays the caller's, holds already. */
struct vsa_json_writer vsa_json_extend(json_t *object);

/*
 * Sets a member of an object; `key` is UTF-8. Takes over the reference `value`; NULL, which a
 * constructor of jansson's returns when it fails, fails the writer.
 */
void vsa_json_put(struct vsa_json_writer *writer, const char *key, json_t *value);

/* Appends an element to an array; otherwise as above. */
void vsa_json_append(struct vsa_json_writer *writer, json_t *value);

/* Ends: returns the reference, or NULL, with all released, when something failed. */
VSA_MUST_USE json_t *vsa_json_finish(struct vsa_json_writer *writer);

/* Ends, after vsa_json_extend(): gives the reference back. Errors: VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_json_close(struct vsa_json_writer *writer,
                                            struct vsa_error *error);

/*
 * Prints a value with jansson's `flags`, whole: json_dumps() loses a key where memory is short, and
 * json_dumpf() has written half of it by then. Returns the text, for free(), or NULL: memory is
 * short, or `value` NULL.
 */
VSA_MUST_USE char *vsa_json_print(const json_t *value, size_t flags);

/* Sets one member of `object`, as vsa_json_put() does. Errors: VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_json_set(json_t *object, const char *key, json_t *value,
                                          struct vsa_error *error);

#endif
