/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/scan.h"

#include "base/slice.h"
#include <vsattest/limits.h>

/* Every integer of so many digits fits into an int64_t. */
#define MAX_DIGITS 18

struct cursor {
    const uint8_t *next;
    const uint8_t *end;
};

static void skip_spaces(struct cursor *cursor)
{
    while (cursor->next < cursor->end &&
           (*cursor->next == ' ' || *cursor->next == '\t' || *cursor->next == '\r'))
        cursor->next++;
}

/* Passes over one character, and spaces around it. */
static bool take(struct cursor *cursor, uint8_t character)
{
    skip_spaces(cursor);
    if (cursor->next == cursor->end || *cursor->next != character)
        return false;
    cursor->next++;
    skip_spaces(cursor);
    return true;
}

/* A string of plain characters; `*text` is without its quotes. */
static bool take_string(struct cursor *cursor, struct vsa_slice *text)
{
    if (cursor->next == cursor->end || *cursor->next != '"')
        return false;
    const uint8_t *start = ++cursor->next;
    while (cursor->next < cursor->end && *cursor->next >= 0x20 && *cursor->next < 0x7f &&
           *cursor->next != '"' && *cursor->next != '\\')
        cursor->next++;
    if (cursor->next == cursor->end || *cursor->next != '"')
        return false;
    *text = vsa_slice_of(start, (size_t)(cursor->next - start));
    cursor->next++;
    return true;
}

static bool take_integer(struct cursor *cursor)
{
    const uint8_t *start = cursor->next;
    while (cursor->next < cursor->end && *cursor->next >= '0' && *cursor->next <= '9')
        cursor->next++;
    size_t digits = (size_t)(cursor->next - start);
    return digits > 0 && digits <= MAX_DIGITS && (digits == 1 || *start != '0');
}

static bool take_word(struct cursor *cursor, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(cursor->end - cursor->next) < size || memcmp(cursor->next, word, size) != 0)
        return false;
    cursor->next += size;
    return true;
}

enum value_kind { VALUE_OTHER, VALUE_STRING, VALUE_INTEGER, VALUE_BOOLEAN, VALUE_NULL };

/* `*text` is the value's JSON text, or what is between a string's quotes. */
static enum value_kind take_value(struct cursor *cursor, struct vsa_slice *text)
{
    const uint8_t *start = cursor->next;
    enum value_kind kind = VALUE_OTHER;
    if (take_string(cursor, text))
        return VALUE_STRING;
    if (take_integer(cursor))
        kind = VALUE_INTEGER;
    else if (cursor->next != start)
        return VALUE_OTHER;
    else if (take_word(cursor, "true") || take_word(cursor, "false"))
        kind = VALUE_BOOLEAN;
    else if (take_word(cursor, "null"))
        kind = VALUE_NULL;
    *text = vsa_slice_of(start, (size_t)(cursor->next - start));
    return kind;
}

/* Notes `command` and `id`; false when they are not plain and right. */
static bool note_member(struct vsa_slice key, enum value_kind kind, struct vsa_slice value,
                        struct vsa_request_scan *scan)
{
    if (vsa_slice_equal_text(key, "command")) {
        scan->command = value;
        return kind == VALUE_STRING;
    }
    if (!vsa_slice_equal_text(key, "id") || kind == VALUE_NULL)
        return true;
    scan->id = value;
    if (kind == VALUE_STRING) /* with its quotes again */
        scan->id = vsa_slice_of(value.data - 1, value.size + 2);
    return kind == VALUE_INTEGER || (kind == VALUE_STRING && value.size <= VSA_MAX_REQUEST_ID);
}

static bool is_new(const struct vsa_slice *keys, size_t count, struct vsa_slice key)
{
    for (size_t i = 0; i < count; i++)
        if (vsa_slice_equal(keys[i], key))
            return false;
    return true;
}

bool vsa_request_scan(struct vsa_slice line, struct vsa_request_scan *scan)
{
    struct cursor cursor = {line.data, line.data + line.size};
    struct vsa_slice keys[VSA_SCAN_MAX_MEMBERS];
    struct vsa_request_scan found = {0};
    size_t count = 0;
    if (!take(&cursor, '{'))
        return false;
    do {
        struct vsa_slice value;
        if (count == VSA_SCAN_MAX_MEMBERS || !take_string(&cursor, &keys[count]) ||
            !is_new(keys, count, keys[count]) || !take(&cursor, ':'))
            return false;
        enum value_kind kind = take_value(&cursor, &value);
        if (kind == VALUE_OTHER || !note_member(keys[count], kind, value, &found))
            return false;
        count++;
    } while (take(&cursor, ','));
    if (!take(&cursor, '}') || cursor.next != cursor.end || !found.command.data)
        return false;
    *scan = found;
    return true;
}
