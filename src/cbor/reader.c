/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/reader.h"

#include "base/error.h"
#include "base/slice.h"

static const char rule_form[] = "RFC 8949 section 3";
static const char rule_shortest[] = "RFC 8949 section 4.2.1";
static const char rule_keys[] = "RFC 8949 section 5.6";

enum {
    MAJOR_UNSIGNED = 0,
    MAJOR_NEGATIVE = 1,
    MAJOR_BYTES = 2,
    MAJOR_TEXT = 3,
    MAJOR_ARRAY = 4,
    MAJOR_MAP = 5,
    MAJOR_TAG = 6,
    MAJOR_SIMPLE = 7,
};

enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_NULL = 22, ONE_BYTE = 24, INDEFINITE = 31 };

#define BYTE_INDEFINITE_ARRAY 0x9f
#define BYTE_INDEFINITE_MAP   0xbf
#define BYTE_BREAK            0xff

struct head {
    unsigned major;
    uint64_t argument;
    size_t size; /* bytes of the head itself */
};

static const char *type_name(unsigned major)
{
    static const char *const names[] = {"an unsigned integer",
                                        "a negative integer",
                                        "a byte string",
                                        "a text string",
                                        "an array",
                                        "a map",
                                        "a tag",
                                        "a simple value"};
    return names[major & 7];
}

static size_t remaining(const struct vsa_cbor_reader *reader)
{
    return reader->input.size - reader->offset;
}

enum vsa_cbor_type vsa_cbor_peek(const struct vsa_cbor_reader *reader)
{
    if (!remaining(reader))
        return VSA_CBOR_END;
    return (enum vsa_cbor_type)(reader->input.data[reader->offset] >> 5);
}

/*
 * Reads the argument behind additional information 24..27. Any float is in its own shortest form.
 */
static enum vsa_status read_argument(const struct vsa_cbor_reader *reader, unsigned information,
                                     struct head *head, struct vsa_error *error)
{
    static const uint64_t least[] = {24, UINT8_MAX + 1, UINT16_MAX + 1, UINT64_C(1) << 32};
    size_t width = (size_t)1 << (information - 24);
    if (remaining(reader) - 1 < width)
        return vsa_fail_at(error, VSA_ERR_CBOR, reader->offset, rule_form, "item is cut off");
    const uint8_t *bytes = reader->input.data + reader->offset + 1;
    head->argument = 0;
    for (size_t i = 0; i < width; i++)
        head->argument = head->argument << 8 | bytes[i];
    head->size = 1 + width;
    if (head->major != MAJOR_SIMPLE && !reader->any_form &&
        head->argument < least[information - 24])
        return vsa_fail_at(error, VSA_ERR_CBOR_FORBIDDEN, reader->offset, rule_shortest,
                           "integer or length is not in its shortest form");
    return VSA_OK;
}

/* Reads the next item's head without moving; says nothing yet about what follows it. */
static enum vsa_status peek_head(const struct vsa_cbor_reader *reader, struct head *head,
                                 struct vsa_error *error)
{
    if (!remaining(reader))
        return vsa_fail_at(error, VSA_ERR_CBOR, reader->offset, rule_form,
                           "input ends where an item should begin");
    uint8_t first = reader->input.data[reader->offset];
    unsigned information = first & 31;
    head->major = first >> 5;
    head->argument = information;
    head->size = 1;
    if (information < 24)
        return VSA_OK;
    if (information == INDEFINITE)
        return vsa_fail_at(error, VSA_ERR_CBOR_FORBIDDEN, reader->offset, rule_form,
                           "indefinite length or break code where none is allowed");
    if (information > 27)
        return vsa_fail_at(error, VSA_ERR_CBOR, reader->offset, rule_form,
                           "reserved additional information %u", information);
    if (head->major == MAJOR_SIMPLE && !reader->any_form)
        return vsa_fail_at(error, VSA_ERR_CBOR_FORBIDDEN, reader->offset, rule_form,
                           "floats and extended simple values are not used by Nitro");
    return read_argument(reader, information, head, error);
}

static enum vsa_status read_head(struct vsa_cbor_reader *reader, unsigned major, struct head *head,
                                 struct vsa_error *error)
{
    VSA_TRY(peek_head(reader, head, error));
    if (head->major != major)
        return vsa_fail_at(error, VSA_ERR_FIELD, reader->offset, NULL, "expected %s, found %s",
                           type_name(major), type_name(head->major));
    reader->offset += head->size;
    return VSA_OK;
}

enum vsa_status vsa_cbor_read_unsigned(struct vsa_cbor_reader *reader, uint64_t *value,
                                       struct vsa_error *error)
{
    struct head head;
    VSA_TRY(read_head(reader, MAJOR_UNSIGNED, &head, error));
    *value = head.argument;
    return VSA_OK;
}

enum vsa_status vsa_cbor_read_integer(struct vsa_cbor_reader *reader, int64_t *value,
                                      struct vsa_error *error)
{
    struct head head;
    bool negative = vsa_cbor_peek(reader) == VSA_CBOR_NEGATIVE;
    VSA_TRY(read_head(reader, negative ? MAJOR_NEGATIVE : MAJOR_UNSIGNED, &head, error));
    if (head.argument > INT64_MAX)
        return vsa_fail_at(error, VSA_ERR_FIELD, reader->offset - head.size, NULL,
                           "integer does not fit 64 bits");
    *value = negative ? -1 - (int64_t)head.argument : (int64_t)head.argument;
    return VSA_OK;
}

static enum vsa_status read_string(struct vsa_cbor_reader *reader, unsigned major,
                                   struct vsa_slice *string, struct vsa_error *error)
{
    struct head head;
    size_t start = reader->offset;
    VSA_TRY(read_head(reader, major, &head, error));
    if (head.argument > remaining(reader))
        return vsa_fail_at(error, VSA_ERR_CBOR, start, rule_form,
                           "string of %llu bytes, but only %zu are left",
                           (unsigned long long)head.argument, remaining(reader));
    *string = vsa_slice_of(reader->input.data + reader->offset, (size_t)head.argument);
    reader->offset += string->size;
    return VSA_OK;
}

enum vsa_status vsa_cbor_read_bytes(struct vsa_cbor_reader *reader, struct vsa_slice *bytes,
                                    struct vsa_error *error)
{
    return read_string(reader, MAJOR_BYTES, bytes, error);
}

enum vsa_status vsa_cbor_read_text(struct vsa_cbor_reader *reader, struct vsa_slice *text,
                                   struct vsa_error *error)
{
    struct vsa_slice string;
    size_t start = reader->offset;
    VSA_TRY(read_string(reader, MAJOR_TEXT, &string, error));
    if (!vsa_slice_is_utf8(string))
        return vsa_fail_at(error, VSA_ERR_CBOR, start, "RFC 8949 section 3.1",
                           "text string is not UTF-8");
    *text = string;
    return VSA_OK;
}

static enum vsa_status read_simple(struct vsa_cbor_reader *reader, uint64_t *value,
                                   struct vsa_error *error)
{
    struct head head;
    size_t start = reader->offset;
    VSA_TRY(read_head(reader, MAJOR_SIMPLE, &head, error));
    if (head.size > 1 || head.argument < SIMPLE_FALSE || head.argument > SIMPLE_NULL)
        return vsa_fail_at(error, VSA_ERR_CBOR_FORBIDDEN, start, rule_form,
                           "a float or simple value where Nitro uses null, true and false only");
    *value = head.argument;
    return VSA_OK;
}

enum vsa_status vsa_cbor_read_boolean(struct vsa_cbor_reader *reader, bool *value,
                                      struct vsa_error *error)
{
    uint64_t simple = 0;
    size_t start = reader->offset;
    VSA_TRY(read_simple(reader, &simple, error));
    if (simple == SIMPLE_NULL)
        return vsa_fail_at(error, VSA_ERR_FIELD, start, NULL, "expected a boolean, found null");
    *value = simple == SIMPLE_TRUE;
    return VSA_OK;
}

enum vsa_status vsa_cbor_read_optional_null(struct vsa_cbor_reader *reader, bool *was_null,
                                            struct vsa_error *error)
{
    if (vsa_cbor_peek(reader) != VSA_CBOR_SIMPLE) {
        *was_null = false;
        return VSA_OK;
    }
    uint64_t simple = 0;
    size_t start = reader->offset;
    VSA_TRY(read_simple(reader, &simple, error));
    if (simple != SIMPLE_NULL)
        return vsa_fail_at(error, VSA_ERR_FIELD, start, NULL, "expected null, found a boolean");
    *was_null = true;
    return VSA_OK;
}

/* Checks a count against the bytes left: every item takes a byte at least. */
static enum vsa_status check_count(const struct vsa_cbor_reader *reader, const struct head *head,
                                   size_t bytes_per_entry, struct vsa_error *error)
{
    if (head->argument > remaining(reader) / bytes_per_entry)
        return vsa_fail_at(error, VSA_ERR_CBOR, reader->offset - head->size, rule_form,
                           "%s of %llu entries, but only %zu bytes are left",
                           type_name(head->major), (unsigned long long)head->argument,
                           remaining(reader));
    return VSA_OK;
}

enum vsa_status vsa_cbor_read_array(struct vsa_cbor_reader *reader, size_t *count,
                                    struct vsa_error *error)
{
    struct head head;
    VSA_TRY(read_head(reader, MAJOR_ARRAY, &head, error));
    VSA_TRY(check_count(reader, &head, 1, error));
    *count = (size_t)head.argument;
    return VSA_OK;
}

static bool next_byte_is(const struct vsa_cbor_reader *reader, uint8_t byte)
{
    return remaining(reader) && reader->input.data[reader->offset] == byte;
}

enum vsa_status vsa_cbor_open_array(struct vsa_cbor_reader *reader, struct vsa_cbor_array *array,
                                    struct vsa_error *error)
{
    array->indefinite = reader->any_form && next_byte_is(reader, BYTE_INDEFINITE_ARRAY);
    array->remaining = 0;
    if (array->indefinite) {
        reader->offset++;
        return VSA_OK;
    }
    return vsa_cbor_read_array(reader, &array->remaining, error);
}

bool vsa_cbor_next_item(struct vsa_cbor_reader *reader, struct vsa_cbor_array *array)
{
    if (!array->indefinite)
        return array->remaining && array->remaining--;
    if (!next_byte_is(reader, BYTE_BREAK))
        return true;
    reader->offset++;
    return false;
}

enum vsa_status vsa_cbor_read_tag(struct vsa_cbor_reader *reader, uint64_t *tag,
                                  struct vsa_error *error)
{
    struct head head;
    VSA_TRY(read_head(reader, MAJOR_TAG, &head, error));
    *tag = head.argument;
    return VSA_OK;
}

enum vsa_status vsa_cbor_open_map(struct vsa_cbor_reader *reader, enum vsa_cbor_map_form form,
                                  struct vsa_cbor_map *map, struct vsa_error *error)
{
    map->indefinite = false;
    map->remaining = 0;
    map->key_count = 0;
    if ((form == VSA_CBOR_MAP_ANY || reader->any_form) &&
        next_byte_is(reader, BYTE_INDEFINITE_MAP)) {
        map->indefinite = true;
        reader->offset++;
        return VSA_OK;
    }
    struct head head;
    VSA_TRY(read_head(reader, MAJOR_MAP, &head, error));
    VSA_TRY(check_count(reader, &head, 2, error));
    map->remaining = (size_t)head.argument;
    return VSA_OK;
}

/* Reads the key at the reader's position, without moving the caller's reader. */
static enum vsa_status peek_key(struct vsa_cbor_reader reader, struct vsa_cbor_key *key,
                                struct vsa_error *error)
{
    size_t start = reader.offset;
    *key = (struct vsa_cbor_key){.type = vsa_cbor_peek(&reader)};
    switch (key->type) {
    case VSA_CBOR_UNSIGNED:
    case VSA_CBOR_NEGATIVE:
        VSA_TRY(vsa_cbor_read_integer(&reader, &key->integer, error));
        break;
    case VSA_CBOR_TEXT:
        VSA_TRY(vsa_cbor_read_text(&reader, &key->text, error));
        break;
    case VSA_CBOR_END:
        return vsa_fail_at(error, VSA_ERR_CBOR, start, rule_form, "map is cut off");
    case VSA_CBOR_BYTES:
    case VSA_CBOR_ARRAY:
    case VSA_CBOR_MAP:
    case VSA_CBOR_TAG:
    case VSA_CBOR_SIMPLE:
    default:
        return vsa_fail_at(error, VSA_ERR_CBOR_FORBIDDEN, start, NULL,
                           "map key is neither an integer nor text");
    }
    key->encoded_size = reader.offset - start;
    return VSA_OK;
}

static bool is_same_key(const struct vsa_cbor_key *a, const struct vsa_cbor_key *b)
{
    return a->type == b->type && a->integer == b->integer && vsa_slice_equal(a->text, b->text);
}

static enum vsa_status remember_key(const struct vsa_cbor_reader *reader, struct vsa_cbor_map *map,
                                    struct vsa_error *error)
{
    struct vsa_cbor_key key;
    VSA_TRY(peek_key(*reader, &key, error));
    if (map->key_count == VSA_MAX_CBOR_MAP)
        return vsa_fail_at(error, VSA_ERR_TOO_MANY, reader->offset, NULL,
                           "map has more than %d entries", VSA_MAX_CBOR_MAP);
    for (size_t i = 0; i < map->key_count; i++)
        if (is_same_key(&map->keys[i], &key))
            return vsa_fail_at(error, VSA_ERR_DUPLICATE_KEY, reader->offset, rule_keys,
                               "the same key twice in one map");
    map->keys[map->key_count++] = key;
    return VSA_OK;
}

enum vsa_status vsa_cbor_next_entry(struct vsa_cbor_reader *reader, struct vsa_cbor_map *map,
                                    bool *found, struct vsa_error *error)
{
    if (map->indefinite && next_byte_is(reader, BYTE_BREAK)) {
        reader->offset++;
        *found = false;
        return VSA_OK;
    }
    if (!map->indefinite && map->remaining == 0) {
        *found = false;
        return VSA_OK;
    }
    VSA_TRY(remember_key(reader, map, error));
    if (!map->indefinite)
        map->remaining--;
    *found = true;
    return VSA_OK;
}

/* One open array or map on the way down to the item being passed over. */
struct level {
    bool is_map;
    struct vsa_cbor_array array;
    struct vsa_cbor_map map;
};

/*
 * Skips a float or any simple value. A well-formed one in two bytes is at least 32 (RFC 8949
 * section 3.3).
 */
static enum vsa_status skip_simple(struct vsa_cbor_reader *reader, struct vsa_error *error)
{
    uint64_t number = 0;
    if (!reader->any_form)
        return read_simple(reader, &number, error);
    struct head head;
    VSA_TRY(peek_head(reader, &head, error));
    if ((reader->input.data[reader->offset] & 31) == ONE_BYTE && head.argument < 32)
        return vsa_fail_at(error, VSA_ERR_CBOR, reader->offset, rule_form,
                           "simple value %u in two bytes", (unsigned)head.argument);
    reader->offset += head.size;
    return VSA_OK;
}

/* Passes over tags, which do not nest what they tag. */
static enum vsa_status skip_tags(struct vsa_cbor_reader *reader, struct vsa_error *error)
{
    uint64_t tag = 0;
    while (vsa_cbor_peek(reader) == VSA_CBOR_TAG) {
        if (!reader->any_form)
            return vsa_fail_at(error, VSA_ERR_CBOR_FORBIDDEN, reader->offset, NULL,
                               "tag where Nitro uses none");
        VSA_TRY(vsa_cbor_read_tag(reader, &tag, error));
    }
    return VSA_OK;
}

/* Passes over a scalar, or opens the array or map that begins here as `*level`. */
static enum vsa_status skip_or_open(struct vsa_cbor_reader *reader, struct level *level,
                                    bool *opened, struct vsa_error *error)
{
    struct vsa_slice string;
    struct head head;
    *opened = false;
    VSA_TRY(skip_tags(reader, error));
    switch (vsa_cbor_peek(reader)) {
    case VSA_CBOR_BYTES:
        return vsa_cbor_read_bytes(reader, &string, error);
    case VSA_CBOR_TEXT:
        return vsa_cbor_read_text(reader, &string, error);
    case VSA_CBOR_SIMPLE:
        return skip_simple(reader, error);
    case VSA_CBOR_ARRAY:
        VSA_TRY(vsa_cbor_open_array(reader, &level->array, error));
        level->is_map = false;
        *opened = true;
        return VSA_OK;
    case VSA_CBOR_MAP:
        VSA_TRY(vsa_cbor_open_map(reader, VSA_CBOR_MAP_DEFINITE, &level->map, error));
        level->is_map = true;
        *opened = true;
        return VSA_OK;
    case VSA_CBOR_TAG:
    case VSA_CBOR_UNSIGNED:
    case VSA_CBOR_NEGATIVE:
    case VSA_CBOR_END:
    default:
        VSA_TRY(peek_head(reader, &head, error));
        reader->offset += head.size;
        return VSA_OK;
    }
}

/* Sets whether `level` has another item; of a map's entry, skips the key. */
static enum vsa_status next_item(struct vsa_cbor_reader *reader, struct level *level, bool *more,
                                 struct vsa_error *error)
{
    if (!level->is_map) {
        *more = vsa_cbor_next_item(reader, &level->array);
        return VSA_OK;
    }
    VSA_TRY(vsa_cbor_next_entry(reader, &level->map, more, error));
    if (*more)
        reader->offset += level->map.keys[level->map.key_count - 1].encoded_size;
    return VSA_OK;
}

enum vsa_status vsa_cbor_skip(struct vsa_cbor_reader *reader, struct vsa_error *error)
{
    struct level levels[VSA_MAX_CBOR_DEPTH + 1];
    size_t depth = 0;
    bool more = true;
    while (more) {
        bool opened = false;
        VSA_TRY(skip_or_open(reader, &levels[depth], &opened, error));
        if (opened && ++depth > VSA_MAX_CBOR_DEPTH)
            return vsa_fail_at(error, VSA_ERR_NESTING, reader->offset, NULL,
                               "nested deeper than %d levels", VSA_MAX_CBOR_DEPTH);
        more = false;
        while (depth > 0 && !more) {
            VSA_TRY(next_item(reader, &levels[depth - 1], &more, error));
            depth -= more ? 0 : 1;
        }
    }
    return VSA_OK;
}

enum vsa_status vsa_cbor_finish(const struct vsa_cbor_reader *reader, const char *what,
                                struct vsa_error *error)
{
    if (remaining(reader))
        return vsa_fail_at(error, VSA_ERR_TRAILING_BYTES, reader->offset, NULL,
                           "%zu bytes after the end of %s", remaining(reader), what);
    return VSA_OK;
}
