/* SPDX-License-Identifier: Apache-2.0 */
#include "json/load.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/printable.h"
#include "base/slice.h"

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

/* What is known of a text before jansson reads it. */
struct shape {
    bool is_plain;            /* no escapes */
    size_t longest;           /* a bound of its tokens: bytes from one quote to the next */
    size_t next;              /* that bound without the longest one */
    struct vsa_slice content; /* of the longest one, where that is a string */
};

static void add_token(struct shape *shape, struct vsa_slice text, size_t begin, size_t end,
                      bool is_string)
{
    if (end - begin <= shape->longest) {
        shape->next = max(shape->next, end - begin);
        return;
    }
    shape->next = shape->longest;
    shape->longest = end - begin;
    shape->content =
        is_string ? vsa_slice_of(text.data + begin + 1, end - begin - 1) : (struct vsa_slice){0};
}

/* Returns the offset of the next byte that counts: in a string without escapes the quote. */
static size_t skip(struct vsa_slice text, size_t offset, bool in_plain_string)
{
    if (!in_plain_string)
        return offset;
    const uint8_t *quote = memchr(text.data + offset, '"', text.size - offset);
    return quote ? (size_t)(quote - text.data) : text.size;
}

/*
 * Counts brackets before jansson parses, which recurses up to 2048 levels. On text that is not JSON
 * the count means little; the parser rejects it anyway.
 */
static enum vsa_status check_depth(struct vsa_slice text, const struct vsa_json_limits *limits,
                                   struct shape *shape, struct vsa_error *error)
{
    size_t depth = 0;
    size_t quote = 0;
    bool in_string = false;
    *shape = (struct shape){.is_plain = !memchr(text.data, '\\', text.size)};
    for (size_t i = 0; (i = skip(text, i, in_string && shape->is_plain)) < text.size; i++) {
        uint8_t byte = text.data[i];
        if (in_string && byte == '\\')
            i++;
        else if (byte == '"') {
            add_token(shape, text, quote, i, in_string);
            in_string = !in_string;
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
    add_token(shape, text, quote, text.size, false);
    return VSA_OK;
}

/* --- a string apart --------------------------------------------------------------------------- */

/* Shorter strings are not worth it. */
#define MIN_APART 256
/* What jansson reads in its place: DEL, which is valid in a string. */
static const char mark[] = "\x7f";

/* Returns whether a colon follows the quote at the end of a string. */
static bool is_key(struct vsa_slice text, struct vsa_slice content)
{
    size_t next = (size_t)(content.data - text.data) + content.size + 1;
    while (next < text.size && is_space(text.data[next]))
        next++;
    return next < text.size && text.data[next] == ':';
}

/*
 * Returns the string that jansson need not read, or nothing. Printable ASCII without escapes is
 * valid in a string, whatever else the text is: so the text is JSON with it exactly if it is with
 * the mark. No other string can be the mark: the text has no DEL, and no escape that could be one.
 * No key, of which there may not be two.
 */
static struct vsa_slice choose_apart(struct vsa_slice text, const struct shape *shape)
{
    if (shape->content.size < MIN_APART || !shape->is_plain ||
        memchr(text.data, mark[0], text.size) || !vsa_printable_all(shape->content) ||
        is_key(text, shape->content))
        return (struct vsa_slice){0};
    return shape->content;
}

struct vsa_slice vsa_json_apart_slice(const json_t *string, struct vsa_slice apart)
{
    struct vsa_slice value = vsa_json_string_slice(string);
    return apart.data && vsa_slice_equal_text(value, mark) ? apart : value;
}

/* NOLINTNEXTLINE(misc-no-recursion): a text that was read has few levels */
static json_t *find_mark(json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;
    json_t *found = NULL;
    if (json_is_string(value))
        return vsa_json_is_text(value, vsa_slice_of_text(mark)) ? value : NULL;
    json_object_foreach(value, key, member) if ((found = find_mark(member))) return found;
    json_array_foreach(value, i, member) if ((found = find_mark(member))) return found;
    return NULL;
}

enum vsa_status vsa_json_put_back(json_t *value, struct vsa_slice apart, struct vsa_error *error)
{
    json_t *string = find_mark(value);
    if (!string || json_string_setn_nocheck(string, (const char *)apart.data, apart.size) != 0)
        return vsa_fail_memory(error);
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

enum part { OPENING, ROOM, CLOSING, TEXT, MARK, REST, END, PARTS };

struct source {
    struct vsa_slice parts[PARTS]; /* without data: of ROOM, some bytes */
    size_t part;                   /* enum part */
    size_t offset;
};

/*
 * Returns how many bytes the first token has between its quotes. A buffer of N bytes doubles at the
 * N-th of a token: with the opening quote they are N, where 2 * N is enough for the longest.
 */
static size_t room_for(size_t longest)
{
    size_t size = 2 * (ROOM_AT_FIRST + 1);
    while (size - 1 < longest + 3) /* quotes, or what ends a number */
        size *= 2;
    return size / 2 - 1;
}

static struct source source_of(struct vsa_slice text, struct vsa_slice apart, size_t longest)
{
    size_t before = apart.data ? (size_t)(apart.data - text.data) : text.size;
    size_t behind = before + apart.size;
    return (struct source){
        .parts = {[OPENING] = vsa_slice_of_text(opening),
                  [ROOM] = vsa_slice_of(NULL, room_for(longest)),
                  [CLOSING] = vsa_slice_of_text(closing),
                  [TEXT] = vsa_slice_of(text.data, before),
                  [MARK] = vsa_slice_of_text(apart.data ? mark : ""),
                  [REST] = vsa_slice_of(text.data + behind, text.size - behind),
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
static json_t *load_with_room(struct vsa_slice text, struct vsa_slice apart, size_t longest,
                              size_t flags, json_error_t *cause)
{
    struct source source = source_of(text, apart, longest);
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
    if (apart.data && cause->position > apart.data - text.data)
        cause->position += (int)(apart.size - strlen(mark));
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

/* Parses it; without `apart` (NULL) jansson reads all of the text. */
static enum vsa_status parse(struct vsa_slice text, const struct vsa_json_limits *limits,
                             json_t **value, struct vsa_slice *apart, struct vsa_error *error)
{
    json_error_t cause = {0};
    struct shape shape;
    VSA_TRY(check_depth(text, limits, &shape, error));
    struct vsa_slice cut = apart ? choose_apart(text, &shape) : (struct vsa_slice){0};
    size_t longest = cut.data ? shape.next : shape.longest;
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    if (limits->allow_nul)
        flags |= JSON_ALLOW_NUL;
    errno = 0;
    json_t *parsed = !cut.data && longest < ROOM_AT_FIRST
                         ? json_loadb((const char *)text.data, text.size, flags, &cause)
                         : load_with_room(text, cut, longest, flags, &cause);
    if (!parsed)
        return parse_failed(limits, &cause, error);
    *value = parsed;
    if (apart)
        *apart = cut;
    return VSA_OK;
}

static enum vsa_status load(struct vsa_slice text, const struct vsa_json_limits *limits,
                            json_t **value, struct vsa_slice *apart, struct vsa_error *error)
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
        parse(vsa_slice_of(text.data + start, text.size - start), limits, value, apart, error);
    if (status != VSA_OK && error && error->offset != VSA_NO_OFFSET)
        error->offset += start;
    return status;
}

enum vsa_status vsa_json_load(struct vsa_slice text, const struct vsa_json_limits *limits,
                              json_t **value, struct vsa_error *error)
{
    return load(text, limits, value, NULL, error);
}

static enum vsa_status load_object(struct vsa_slice text, const struct vsa_json_limits *limits,
                                   json_t **object, struct vsa_slice *apart,
                                   struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *loaded = NULL;
    VSA_TRY(load(text, limits, &loaded, apart, error));
    if (!json_is_object(loaded))
        return fail(limits, VSA_ERR_JSON, 0, NULL, "is not a JSON object", error);
    *object = json_incref(loaded);
    return VSA_OK;
}

enum vsa_status vsa_json_load_object(struct vsa_slice text, const struct vsa_json_limits *limits,
                                     json_t **object, struct vsa_error *error)
{
    return load_object(text, limits, object, NULL, error);
}

enum vsa_status vsa_json_load_object_apart(struct vsa_slice text,
                                           const struct vsa_json_limits *limits, json_t **object,
                                           struct vsa_slice *apart, struct vsa_error *error)
{
    *apart = (struct vsa_slice){0};
    return load_object(text, limits, object, apart, error);
}
