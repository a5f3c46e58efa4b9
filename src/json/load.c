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

/*
 * Counts brackets before jansson parses, which recurses up to 2048 levels. On text that is not JSON
 * the count means little; the parser rejects it anyway.
 */
static enum vsa_status check_depth(struct vsa_slice text, const struct vsa_json_limits *limits,
                                   struct vsa_error *error)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (in_string && byte == '\\')
            i++;
        else if (byte == '"')
            in_string = !in_string;
        else if (in_string)
            continue;
        else if ((byte == '{' || byte == '[') && ++depth > limits->max_depth) {
            char predicate[64];
            (void)snprintf(predicate, sizeof(predicate), "is nested deeper than %zu levels",
                           limits->max_depth);
            return fail(limits, VSA_ERR_NESTING, i, NULL, predicate, error);
        } else if ((byte == '}' || byte == ']') && depth > 0)
            depth--;
    }
    return VSA_OK;
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
    json_error_t cause;
    VSA_TRY(check_depth(text, limits, error));
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    errno = 0;
    json_t *parsed = json_loadb((const char *)text.data, text.size,
                                flags | (limits->allow_nul ? JSON_ALLOW_NUL : 0), &cause);
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
