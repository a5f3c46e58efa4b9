/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict CBOR (RFC 8949) for what Nitro uses: unsigned and negative integers, byte and text
 * strings, arrays, maps, tag 18, null, true and false. Refused everywhere: strings of indefinite
 * length, invalid UTF-8, duplicate keys, map keys other than integers and text, nesting deeper than
 * VSA_MAX_CBOR_DEPTH. Refused too, unless the reader is one for any form: integers and lengths not
 * in shortest form, arrays and maps of indefinite length (except a map the caller says may be
 * one); in items that are passed over, floats, tags and other simple values.
 *
 * A length is compared with the remaining bytes before anything else is done with it. Nothing is
 * allocated and nothing recurses; strings are borrowed from the input.
 *
 * All functions return VSA_ERR_CBOR (not well-formed), VSA_ERR_CBOR_FORBIDDEN (well-formed, but a
 * form from the list above), VSA_ERR_FIELD (another type than asked for), VSA_ERR_DUPLICATE_KEY,
 * VSA_ERR_TOO_MANY or VSA_ERR_NESTING, with the byte offset.
 */
#ifndef VSA_CBOR_READER_H
#define VSA_CBOR_READER_H

#include <stdbool.h>

#include <vsattest/base.h>
#include <vsattest/limits.h>

struct vsa_cbor_reader {
    struct vsa_slice input;
    size_t offset; /* of the next item */
    bool any_form; /* see above */
};

static inline struct vsa_cbor_reader vsa_cbor_reader_of(struct vsa_slice input)
{
    struct vsa_cbor_reader reader = {input, 0, false};
    return reader;
}

/*
 * Returns a reader for bytes that a trusted signer chose: the form proves nothing there, and an
 * encoder may change (AWS's went from definite to indefinite maps in 2025).
 */
static inline struct vsa_cbor_reader vsa_cbor_reader_of_any_form(struct vsa_slice input)
{
    struct vsa_cbor_reader reader = {input, 0, true};
    return reader;
}

enum vsa_cbor_type {
    VSA_CBOR_UNSIGNED,
    VSA_CBOR_NEGATIVE,
    VSA_CBOR_BYTES,
    VSA_CBOR_TEXT,
    VSA_CBOR_ARRAY,
    VSA_CBOR_MAP,
    VSA_CBOR_TAG,
    VSA_CBOR_SIMPLE, /* null, true, false */
    VSA_CBOR_END,    /* no more bytes */
};

/* Returns the type of the next item, by its first byte alone. */
enum vsa_cbor_type vsa_cbor_peek(const struct vsa_cbor_reader *reader);

VSA_MUST_USE enum vsa_status vsa_cbor_read_unsigned(struct vsa_cbor_reader *reader, uint64_t *value,
                                                    struct vsa_error *error);
/* Reads any integer that fits: -2^63 .. 2^63 - 1. */
VSA_MUST_USE enum vsa_status vsa_cbor_read_integer(struct vsa_cbor_reader *reader, int64_t *value,
                                                   struct vsa_error *error);
VSA_MUST_USE enum vsa_status vsa_cbor_read_bytes(struct vsa_cbor_reader *reader,
                                                 struct vsa_slice *bytes, struct vsa_error *error);
/* Reads a text string, which must be valid UTF-8. */
VSA_MUST_USE enum vsa_status vsa_cbor_read_text(struct vsa_cbor_reader *reader,
                                                struct vsa_slice *text, struct vsa_error *error);
VSA_MUST_USE enum vsa_status vsa_cbor_read_boolean(struct vsa_cbor_reader *reader, bool *value,
                                                   struct vsa_error *error);
/* Reads a null if there is one, and sets `*was_null`. */
VSA_MUST_USE enum vsa_status vsa_cbor_read_optional_null(struct vsa_cbor_reader *reader,
                                                         bool *was_null, struct vsa_error *error);
/* Reads an array's head; the caller reads `*count` items. */
VSA_MUST_USE enum vsa_status vsa_cbor_read_array(struct vsa_cbor_reader *reader, size_t *count,
                                                 struct vsa_error *error);
/* Walks one array, of indefinite length too if the reader is one for any form. */
struct vsa_cbor_array {
    bool indefinite;
    size_t remaining; /* items still to come, definite arrays only */
};

VSA_MUST_USE enum vsa_status vsa_cbor_open_array(struct vsa_cbor_reader *reader,
                                                 struct vsa_cbor_array *array,
                                                 struct vsa_error *error);
/* Returns whether there is another item; if so the reader stands before it. */
bool vsa_cbor_next_item(struct vsa_cbor_reader *reader, struct vsa_cbor_array *array);

/* Reads a tag's number; the tagged item follows. */
VSA_MUST_USE enum vsa_status vsa_cbor_read_tag(struct vsa_cbor_reader *reader, uint64_t *tag,
                                               struct vsa_error *error);

/* A map's key by its meaning: one key has several encodings where any form is read. */
struct vsa_cbor_key {
    enum vsa_cbor_type type;
    int64_t integer;       /* 0 for text */
    struct vsa_slice text; /* borrowed from the input; empty for an integer */
    size_t encoded_size;   /* bytes */
};

/* Walks one map and remembers its keys: no key twice, at most VSA_MAX_CBOR_MAP entries. */
struct vsa_cbor_map {
    bool indefinite;
    size_t remaining; /* entries still to come, definite maps only */
    size_t key_count;
    struct vsa_cbor_key keys[VSA_MAX_CBOR_MAP];
};

enum vsa_cbor_map_form { VSA_CBOR_MAP_DEFINITE, VSA_CBOR_MAP_ANY };

VSA_MUST_USE enum vsa_status vsa_cbor_open_map(struct vsa_cbor_reader *reader,
                                               enum vsa_cbor_map_form form,
                                               struct vsa_cbor_map *map, struct vsa_error *error);
/*
 * Sets `*found` to whether there is another entry; if so the reader stands before its key, an
 * integer or text that the caller reads next, then the value.
 */
VSA_MUST_USE enum vsa_status vsa_cbor_next_entry(struct vsa_cbor_reader *reader,
                                                 struct vsa_cbor_map *map, bool *found,
                                                 struct vsa_error *error);

/* Passes over one item of any allowed kind, checking all of it. */
VSA_MUST_USE enum vsa_status vsa_cbor_skip(struct vsa_cbor_reader *reader, struct vsa_error *error);

/*
 * Returns VSA_ERR_TRAILING_BYTES unless everything was read.
 * `what` names the item: "the payload map".
 */
VSA_MUST_USE enum vsa_status vsa_cbor_finish(const struct vsa_cbor_reader *reader, const char *what,
                                             struct vsa_error *error);

#endif
