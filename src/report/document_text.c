/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms in which documents are handed over: raw, base64, hexadecimal, quoted, UTF-16, or in a
 * JSON object. Only what can be read in one way is read; vsa_verify() judges the result.
 */
#include <vsattest/report.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/hex.h"
#include "json/load.h"

/* An array of 4, or tag 18 before it (RFC 9052 section 4.2): neither begins a text. */
#define FIRST_BYTE_UNTAGGED 0x84
#define FIRST_BYTE_TAGGED   0xd2

static bool is_whitespace(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool begins(struct vsa_slice text, const char *start)
{
    size_t size = strlen(start);
    return text.size >= size && memcmp(text.data, start, size) == 0;
}

static struct vsa_slice after(struct vsa_slice text, size_t count)
{
    return vsa_slice_of(text.data + count, text.size - count);
}

static struct vsa_slice trim(struct vsa_slice text)
{
    while (text.size && is_whitespace(text.data[0]))
        text = after(text, 1);
    while (text.size && is_whitespace(text.data[text.size - 1]))
        text.size--;
    return text;
}

/*
 * Converts UTF-16, as PowerShell redirects it, to one byte per character; leaves anything else as
 * it is.
 */
static enum vsa_status narrow(struct vsa_slice *text, uint8_t *buffer, size_t capacity,
                              struct vsa_error *error)
{
    bool little = begins(*text, "\xff\xfe");
    if (begins(*text, "\xef\xbb\xbf"))
        *text = after(*text, 3);
    if (!little && !begins(*text, "\xfe\xff"))
        return VSA_OK;
    size_t count = text->size / 2 - 1;
    if (count > capacity)
        return vsa_fail(error, VSA_ERR_BUFFER,
                        "UTF-16 text of %zu characters does not fit into %zu bytes", count,
                        capacity);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *unit = text->data + 2 + 2 * i;
        if (unit[little ? 1 : 0])
            return vsa_fail_at(error, VSA_ERR_BASE64, 2 + 2 * i, NULL,
                               "neither base64 nor hexadecimal at character %zu", i);
        buffer[i] = unit[little ? 0 : 1];
    }
    if (text->size % 2)
        return vsa_fail_at(error, VSA_ERR_BASE64, text->size - 1, NULL, "UTF-16 text is cut off");
    *text = vsa_slice_of(buffer, count);
    return VSA_OK;
}

static struct vsa_slice unquote(struct vsa_slice text)
{
    bool quoted = text.size >= 2 && (text.data[0] == '"' || text.data[0] == '\'') &&
                  text.data[text.size - 1] == text.data[0];
    return quoted ? trim(vsa_slice_of(text.data + 1, text.size - 2)) : text;
}

/*
 * Returns whether text is hexadecimal digits of a COSE_Sign1 with ES384: the same characters in
 * base64 are no document.
 */
static bool is_hexadecimal(struct vsa_slice text)
{
    static const char *const starts[] = {"8444a1", "8444A1", "d284", "D284"};
    bool known = false;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        known = known || begins(text, starts[i]);
    for (size_t i = 0; known && i < text.size; i++)
        known = vsa_hex_digit(text.data[i]) >= 0 || is_whitespace(text.data[i]);
    return known;
}

static enum vsa_status decode_hexadecimal(struct vsa_slice text, uint8_t *buffer, size_t capacity,
                                          struct vsa_slice *document, struct vsa_error *error)
{
    size_t digits = 0;
    uint8_t high = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (is_whitespace(text.data[i]))
            continue;
        uint8_t digit = (uint8_t)vsa_hex_digit(text.data[i]);
        if (digits % 2 && digits / 2 >= capacity)
            return vsa_fail(error, VSA_ERR_BUFFER, "the document does not fit into %zu bytes",
                            capacity);
        if (digits % 2)
            buffer[digits / 2] = (uint8_t)(high << 4 | digit);
        high = digit;
        digits++;
    }
    if (digits % 2)
        return vsa_fail_at(error, VSA_ERR_HEX, text.size, NULL, "hexadecimal text is cut off");
    *document = vsa_slice_of(buffer, digits / 2);
    return VSA_OK;
}

static enum vsa_status decode_text(struct vsa_slice text, void *buffer, size_t capacity,
                                   struct vsa_slice *document, struct vsa_error *error)
{
    struct vsa_slice digits = begins(text, "0x") || begins(text, "0X") ? after(text, 2) : text;
    if (is_hexadecimal(digits))
        return decode_hexadecimal(digits, buffer, capacity, document, error);
    return vsa_base64_decode(text, VSA_BASE64_WHITESPACE | VSA_BASE64_URL | VSA_BASE64_UNPADDED,
                             buffer, capacity, document, error);
}

/*
 * Decodes the member of a server's reply or of what vsock_client --json prints
 * ("attestation_document"), or the form that other services use ("attestation").
 */
static enum vsa_status decode_member(struct vsa_slice text, void *buffer, size_t capacity,
                                     struct vsa_slice *document, struct vsa_error *error)
{
    static const struct vsa_json_limits limits = {
        .name = "the input, which begins with {,",
        .max_size = VSA_MAX_INPUT_FILE,
        .max_depth = VSA_MAX_JSON_FILE_DEPTH,
        .allow_nul = true, /* in user data beside the document */
    };
    VSA_AUTO_JSON json_t *object = NULL;
    VSA_TRY(vsa_json_load_object(text, &limits, &object, error));
    const json_t *ours = json_object_get(object, "attestation_document");
    const json_t *theirs = json_object_get(object, "attestation");
    const json_t *member = ours ? ours : theirs;
    if (!json_is_string(member) || (ours && theirs))
        return vsa_fail(error, VSA_ERR_JSON,
                        "JSON that does not hold one document as \"attestation_document\" or "
                        "\"attestation\": give the document alone, for example with jq -r .KEY");
    struct vsa_slice value = trim(vsa_json_string_slice(member));
    if (!value.size)
        return vsa_fail(error, VSA_ERR_EMPTY, "the document in the JSON object is empty");
    return decode_text(value, buffer, capacity, document, error);
}

enum vsa_status vsa_document_decode(struct vsa_slice input, void *buffer, size_t capacity,
                                    struct vsa_slice *document, struct vsa_error *error)
{
    if (!input.size)
        return vsa_fail(error, VSA_ERR_EMPTY, "the input is empty");
    if (input.data[0] == FIRST_BYTE_UNTAGGED || input.data[0] == FIRST_BYTE_TAGGED) {
        *document = input;
        return VSA_OK;
    }
    struct vsa_slice text = input;
    VSA_TRY(narrow(&text, buffer, capacity, error));
    text = trim(text);
    if (begins(text, "{"))
        return decode_member(text, buffer, capacity, document, error);
    return decode_text(unquote(text), buffer, capacity, document, error);
}
