/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/pem.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/error.h"

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

enum vsa_status pem_to_der(struct file_bytes *bytes, const char *label, struct vsa_error *error)
{
    char begin[64];
    char end[64];
    size_t begin_size = (size_t)snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
    size_t end_size = (size_t)snprintf(end, sizeof(end), "-----END %s-----", label);
    struct vsa_slice text = file_bytes_slice(bytes);
    if (text.size < begin_size || memcmp(text.data, begin, begin_size) != 0)
        return VSA_OK;
    text = after(text, begin_size);
    const uint8_t *stop = memmem(text.data, text.size, end, end_size);
    if (!stop || !only_whitespace(after(text, (size_t)(stop - text.data) + end_size)))
        return vsa_fail_at(error, VSA_ERR_BASE64, VSA_NO_OFFSET, "RFC 7468",
                           "PEM text does not end with one line %s", end);
    text.size = (size_t)(stop - text.data);
    struct file_bytes der = {malloc(text.size + 1), 0};
    if (!der.data)
        return vsa_fail_memory(error);
    struct vsa_slice decoded;
    enum vsa_status status =
        vsa_base64_decode(text, VSA_BASE64_WHITESPACE, der.data, text.size, &decoded, error);
    if (status != VSA_OK) {
        file_bytes_free(&der);
        return status;
    }
    der.size = decoded.size;
    file_bytes_free(bytes);
    *bytes = der;
    return VSA_OK;
}
