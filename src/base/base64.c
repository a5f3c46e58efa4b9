/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include "base/builder.h"
#include "base/error.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static const char rule[] = "RFC 4648 section 4";

/* Writes the characters of up to three bytes; returns how many there are, without padding. */
static size_t encode_group(const uint8_t *bytes, size_t left, const char *digits, char *text)
{
    uint32_t group = (uint32_t)bytes[0] << 16;
    if (left > 1)
        group |= (uint32_t)bytes[1] << 8;
    if (left > 2)
        group |= bytes[2];
    size_t count = left > 2 ? 4 : left + 1;
    for (size_t i = 0; i < count; i++)
        text[i] = digits[(group >> (18 - 6 * i)) & 63];
    return count;
}

enum vsa_status vsa_base64_encode(struct vsa_slice bytes, char *text, size_t capacity,
                                  struct vsa_error *error)
{
    if (capacity)
        text[0] = '\0';
    if (bytes.size > SIZE_MAX / 2 || capacity < vsa_base64_encoded_size(bytes.size) + 1)
        return vsa_fail_at(error, VSA_ERR_BUFFER, VSA_NO_OFFSET, rule,
                           "base64 text of %zu bytes does not fit into %zu", bytes.size, capacity);
    size_t at = 0;
    for (size_t i = 0; i < bytes.size; i += 3) {
        at += encode_group(bytes.data + i, bytes.size - i, alphabet, text + at);
        while (at % 4)
            text[at++] = '=';
    }
    text[at] = '\0';
    return VSA_OK;
}

enum vsa_status vsa_base64url_encode(struct vsa_slice bytes, char *text, size_t capacity,
                                     struct vsa_error *error)
{
    if (capacity)
        text[0] = '\0';
    if (bytes.size > SIZE_MAX / 2 || capacity < vsa_base64url_encoded_size(bytes.size) + 1)
        return vsa_fail_at(error, VSA_ERR_BUFFER, VSA_NO_OFFSET, "RFC 4648 section 5",
                           "base64url text of %zu bytes does not fit into %zu", bytes.size,
                           capacity);
    size_t at = 0;
    for (size_t i = 0; i < bytes.size; i += 3)
        at += encode_group(bytes.data + i, bytes.size - i, url_alphabet, text + at);
    text[at] = '\0';
    return VSA_OK;
}

/* Returns whether `c` is of the URL-safe alphabet and not of the other one. */
static bool is_url_digit(uint8_t c)
{
    return c && strchr(url_alphabet, c);
}

enum vsa_status vsa_base64url_decode(struct vsa_slice text, void *buffer, size_t capacity,
                                     struct vsa_slice *out, struct vsa_error *error)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_url_digit(text.data[i]))
            return vsa_fail_at(error, VSA_ERR_BASE64, i, "RFC 4648 section 5",
                               "not base64url at character %zu", i);
    return vsa_base64_decode(text, VSA_BASE64_URL | VSA_BASE64_UNPADDED, buffer, capacity, out,
                             error);
}

/* Returns a digit's value, or -1. Has no branches: random data would make them mispredict. */
static int digit_value(uint8_t c)
{
    int value = -1;
    value = (uint8_t)(c - 'A') < 26 ? c - 'A' : value;
    value = (uint8_t)(c - 'a') < 26 ? c - 'a' + 26 : value;
    value = (uint8_t)(c - '0') < 10 ? c - '0' + 52 : value;
    value = c == '+' ? 62 : value;
    return c == '/' ? 63 : value;
}

static bool is_whitespace(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Four characters being collected, with the number of '=' among them. */
struct quantum {
    uint32_t bits;
    unsigned digits;
    unsigned padding;
};

/* Adds a character to the quantum; returns false when it may not stand there. */
static bool take_character(struct quantum *quantum, uint8_t c)
{
    if (c == '=') {
        quantum->padding++;
        return quantum->digits >= 2 && quantum->digits + quantum->padding <= 4;
    }
    int value = digit_value(c);
    if (value < 0 || quantum->padding)
        return false;
    quantum->bits = quantum->bits << 6 | (uint32_t)value;
    quantum->digits++;
    return true;
}

/* Writes a full quantum as bytes; returns false when bits beyond the last byte are set. */
static bool flush_quantum(struct quantum *quantum, struct vsa_builder *builder)
{
    uint32_t bits = quantum->bits << (6 * quantum->padding);
    if (bits & ((1u << (8 * quantum->padding)) - 1))
        return false;
    for (unsigned i = 0; i < 3 - quantum->padding; i++)
        vsa_builder_append_byte(builder, (uint8_t)(bits >> (16 - 8 * i)));
    quantum->bits = 0;
    quantum->digits = 0;
    return true;
}

/* Decodes groups of four digits, as far as there are only such; returns their characters. */
static size_t decode_digits(struct vsa_slice text, struct vsa_builder *builder)
{
    size_t at = 0;
    for (; text.size - at >= 4; at += 4) {
        int bits = 0;
        int all = 0; /* negative with a character that is no digit */
        for (unsigned i = 0; i < 4; i++) {
            int value = digit_value(text.data[at + i]);
            bits = bits << 6 | (value & 63);
            all |= value;
        }
        if (all < 0)
            break;
        const uint8_t bytes[] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
        vsa_builder_append(builder, vsa_slice_of(bytes, sizeof(bytes)));
    }
    return at;
}

/* Returns the character of the standard alphabet for one of the URL-safe alphabet. */
static uint8_t standard_of(uint8_t c)
{
    if (c == '-')
        return '+';
    return c == '_' ? '/' : c;
}

enum vsa_status vsa_base64_decode(struct vsa_slice text, unsigned forms, void *buffer,
                                  size_t capacity, struct vsa_slice *out, struct vsa_error *error)
{
    struct vsa_builder builder = vsa_builder_of(buffer, capacity);
    struct quantum quantum = {0, 0, 0};
    bool ended = false;
    for (size_t i = decode_digits(text, &builder); i < text.size; i++) {
        uint8_t c = forms & VSA_BASE64_URL ? standard_of(text.data[i]) : text.data[i];
        if ((forms & VSA_BASE64_WHITESPACE) && is_whitespace(c))
            continue;
        if (ended || !take_character(&quantum, c))
            return vsa_fail_at(error, VSA_ERR_BASE64, i, rule, "not base64 at character %zu", i);
        if (quantum.digits + quantum.padding < 4)
            continue;
        ended = quantum.padding != 0;
        if (!flush_quantum(&quantum, &builder))
            return vsa_fail_at(error, VSA_ERR_BASE64, i, rule, "stray bits before the padding");
        quantum.padding = 0;
    }
    if ((forms & VSA_BASE64_UNPADDED) && quantum.digits >= 2 && !quantum.padding) {
        quantum.padding = 4 - quantum.digits;
        if (!flush_quantum(&quantum, &builder))
            return vsa_fail_at(error, VSA_ERR_BASE64, text.size, rule, "stray bits at the end");
    }
    if (quantum.digits)
        return vsa_fail_at(error, VSA_ERR_BASE64, text.size, rule, "base64 text is cut off");
    return vsa_builder_finish(&builder, out, error);
}
