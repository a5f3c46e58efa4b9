/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pem.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/builder.h"
#include "base/error.h"
#include "base/slice.h"

#define BYTES_PER_LINE 48 /* 64 characters */

static void append_text(struct vsa_builder *builder, const char *text)
{
    vsa_builder_append(builder, vsa_slice_of_text(text));
}

static void append_boundary(struct vsa_builder *builder, const char *kind, const char *label)
{
    append_text(builder, "-----");
    append_text(builder, kind);
    append_text(builder, label);
    append_text(builder, "-----\n");
}

enum vsa_status vsa_pem_encode(const char *label, struct vsa_slice der, char *buffer,
                               size_t capacity, struct vsa_slice *pem, struct vsa_error *error)
{
    char line[65];
    struct vsa_builder builder = vsa_builder_of(buffer, capacity);
    append_boundary(&builder, "BEGIN ", label);
    for (size_t at = 0; at < der.size; at += BYTES_PER_LINE) {
        size_t size = der.size - at < BYTES_PER_LINE ? der.size - at : BYTES_PER_LINE;
        VSA_TRY(vsa_base64_encode(vsa_slice_of(der.data + at, size), line, sizeof(line), error));
        append_text(&builder, line);
        append_text(&builder, "\n");
    }
    append_boundary(&builder, "END ", label);
    /* It may be a line of a private key. */
    vsa_wipe(line, sizeof(line));
    return vsa_builder_finish(&builder, pem, error);
}

static struct vsa_slice after(struct vsa_slice text, size_t count)
{
    return vsa_slice_of(text.data + count, text.size - count);
}

static bool only_whitespace(struct vsa_slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!text.data[i] || !strchr(" \t\r\n", text.data[i]))
            return false;
    return true;
}

enum vsa_status vsa_pem_decode(struct vsa_slice text, const char *label, uint8_t *buffer,
                               size_t capacity, struct vsa_slice *der, struct vsa_error *error)
{
    char begin[64];
    char end[64];
    size_t begin_size = (size_t)snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
    size_t end_size = (size_t)snprintf(end, sizeof(end), "-----END %s-----", label);
    if (text.size < begin_size || memcmp(text.data, begin, begin_size) != 0) {
        *der = vsa_slice_of(NULL, 0);
        return VSA_OK;
    }
    struct vsa_slice body = after(text, begin_size);
    const uint8_t *stop = memmem(body.data, body.size, end, end_size);
    if (!stop || !only_whitespace(after(body, (size_t)(stop - body.data) + end_size)))
        return vsa_fail_at(error, VSA_ERR_BASE64, VSA_NO_OFFSET, "RFC 7468",
                           "PEM text does not end with one line %s", end);
    body.size = (size_t)(stop - body.data);
    return vsa_base64_decode(body, VSA_BASE64_WHITESPACE, buffer, capacity, der, error);
}
