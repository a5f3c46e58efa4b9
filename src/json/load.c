/* SPDX-License-Identifier: Apache-2.0 */
#include "json/load.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"

#define RULE "RFC 8259"

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static enum vsa_status fail(const struct vsa_json_limits *limits, enum vsa_status status,
                            size_t offset, const char *rule, const char *predicate,
                            struct vsa_error *error)
{
    return vsa_fail_at(error, status, offset, rule, "%s %s%s%s", limits->name, predicate,
                       limits->advice ? "; " : "", limits->advice ? limits->advice : "");
}

/* Returns the offset of the JSON: behind a byte order mark (RFC 8259 section 8.1) and lines. */
static size_t find_start(struct vsa_slice text)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    size_t start = 0;
    if (text.size >= sizeof(mark) && memcmp(text.data, mark, sizeof(mark)) == 0)
        start = sizeof(mark);
    while (start < text.size) {
        while (start < text.size && is_space(text.data[start]))
            start++;
        if (start < text.size && (text.data[start] == '{' || text.data[start] == '['))
            break;
        while (start < text.size && text.data[start] != '\n')
            start++;
    }
    return start;
}

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/*
 * Counts brackets before jansson parses, which recurses up to 2048 levels. On text that is not JSON
 * the count means little; the parser rejects it anyway. `longest` gets a bound for its tokens: the
 * bytes from one quote to the next.
 */
static enum vsa_status check_depth(struct vsa_slice text, const struct vsa_json_limits *limits,
                                   size_t *longest, struct vsa_error *error)
{
    size_t depth = 0;
    size_t quote = 0;
    bool in_string = false;
    *longest = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (in_string && byte == '\\')
            i++;
        else if (byte == '"') {
            in_string = !in_string;
            *longest = max(*longest, i - quote);
            quote = i;
        } else if (in_string)
            continue;
        else if ((byte == '{' || byte == '[') && ++depth > limits->max_depth) {
            char predicate[64];
            (void)snprintf(predicate, sizeof(predicate), "is nested deeper than %zu levels",
                           limits->max_depth);
            return fail(limits, VSA_ERR_NESTING, i, NULL, predicate, error);
        } else if ((byte == '}' || byte == ']') && depth > 0)
            depth--;
    }
    *longest = max(*longest, text.size - quote);
    return VSA_OK;
}

/* --- room for every token --------------------------------------------------------------------- */

/*
 * jansson gathers each token in a buffer that begins with 16 bytes and doubles, and goes on where
 * that fails: a byte is lost, so that a nonce or a number is read as another one, and past the
 * buffer's end if it was the last quote. So a first token makes the room that all others need:
 * jansson reads ["xxx...",TEXT], and whether that room was had is known before the string ends.
 */
#define ROOM_AT_FIRST 15
static const char opening[] = "[\"";
static const char closing[] = "\",";

enum part { OPENING, ROOM, CLOSING, TEXT, END, PARTS };

struct source {
    struct vsa_slice parts[PARTS]; /* without data: of ROOM, some bytes */
    size_t part;                   /* enum part */
    size_t offset;
};

static struct source source_of(struct vsa_slice text, size_t longest)
{
    size_t room = longest + 3; /* quotes, or what ends a number */
    if (((room + 2) & (room + 1)) == 0)
        room++; /* the buffer does not grow for the room's last quote */
    return (struct source){
        .parts = {[OPENING] = vsa_slice_of_text(opening),
                  [ROOM] = vsa_slice_of(NULL, room),
                  [CLOSING] = vsa_slice_of_text(closing),
                  [TEXT] = text,
                  [END] = vsa_slice_of_text("]")},
    };
}

/* Gives jansson one part after the other, and ends early without memory. */
static size_t give(void *buffer, size_t size, void *user)
{
    struct source *source = user;
    while (source->part < PARTS && source->offset == source->parts[source->part].size) {
        source->part++;
        source->offset = 0;
    }
    if (source->part == PARTS || (source->part == CLOSING && errno == ENOMEM))
        return 0;
    struct vsa_slice part = source->parts[source->part];
    size_t left = part.size - source->offset;
    size_t given = left < size ? left : size;
    if (part.data)
        memcpy(buffer, part.data + source->offset, given);
    else
        memset(buffer, 'x', given);
    source->offset += given;
    return given;
}

/* Returns the only value of the text, or NULL. */
static json_t *load_with_room(struct vsa_slice text, size_t longest, size_t flags,
                              json_error_t *cause)
{
    struct source source = source_of(text, longest);
    VSA_AUTO_JSON json_t *both = json_load_callback(give, &source, flags, cause);
    int before = (int)(strlen(opening) + source.parts[ROOM].size + strlen(closing));
    if (both && json_array_size(both) == 2)
        return json_incref(json_array_get(both, 1));
    if (both) { /* TEXT is `1,2` */
        (void)snprintf(cause->text, sizeof(cause->text), "end of file expected");
        cause->position = -1;
        return NULL;
    }
    cause->position = cause->position > before ? cause->position - before : 0;
    if ((size_t)cause->position > text.size)
        cause->position = (int)text.size;
    return NULL;
}

static enum vsa_status parse_failed(const struct vsa_json_limits *limits, const json_error_t *cause,
                                    struct vsa_error *error)
{
    size_t offset = cause->position >= 0 ? (size_t)cause->position : VSA_NO_OFFSET;
    enum json_error_code code = json_error_code(cause);
    /* jansson calls most failures of malloc() a syntax error, or gives them no code at all. */
    if (code == json_error_out_of_memory || errno == ENOMEM)
        return vsa_fail_memory(error);
    if (code == json_error_duplicate_key)
        return fail(limits, VSA_ERR_DUPLICATE_KEY, offset, RULE, "has the same key twice", error);
    /* jansson quotes the input after " near ". */
    char predicate[JSON_ERROR_TEXT_LENGTH + 20];
    const char *quote = strstr(cause->text, " near ");
    int size = quote ? (int)(quote - cause->text) : (int)strlen(cause->text);
    (void)snprintf(predicate, sizeof(predicate), "is not valid JSON: %.*s", size, cause->text);
    return fail(limits, VSA_ERR_JSON, offset, RULE, predicate, error);
}

static enum vsa_status parse(struct vsa_slice text, const struct vsa_json_limits *limits,
                             json_t **value, struct vsa_error *error)
{
    json_error_t cause = {0};
    size_t longest;
    VSA_TRY(check_depth(text, limits, &longest, error));
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    if (limits->allow_nul)
        flags |= JSON_ALLOW_NUL;
    errno = 0;
    json_t *parsed = longest < ROOM_AT_FIRST
                         ? json_loadb((const char *)text.data, text.size, flags, &cause)
                         : load_with_room(text, longest, flags, &cause);
    if (!parsed)
        return parse_failed(limits, &cause, error);
    *value = parsed;
    return VSA_OK;
}

enum vsa_status vsa_json_load(struct vsa_slice text, const struct vsa_json_limits *limits,
                              json_t **value, struct vsa_error *error)
{
    size_t start = limits->skip_preamble ? find_start(text) : 0;
    size_t blank = start;
    while (blank < text.size && is_space(text.data[blank]))
        blank++;
    if (blank == text.size)
        return fail(limits, VSA_ERR_EMPTY, 0, NULL, "is empty", error);
    if (text.size > limits->max_size) {
        char predicate[64];
        (void)snprintf(predicate, sizeof(predicate), "has more than %zu bytes", limits->max_size);
        return fail(limits, VSA_ERR_TOO_LARGE, limits->max_size, NULL, predicate, error);
    }
    enum vsa_status status =
        parse(vsa_slice_of(text.data + start, text.size - start), limits, value, error);
    if (status != VSA_OK && error && error->offset != VSA_NO_OFFSET)
        error->offset += start;
    return status;
}

enum vsa_status vsa_json_load_object(struct vsa_slice text, const struct vsa_json_limits *limits,
                                     json_t **object, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *loaded = NULL;
    VSA_TRY(vsa_json_load(text, limits, &loaded, error));
    if (!json_is_object(loaded))
        return fail(limits, VSA_ERR_JSON, 0, NULL, "is not a JSON object", error);
    *object = json_incref(loaded);
    return VSA_OK;
}
