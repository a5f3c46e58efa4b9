/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/pem.h"

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
