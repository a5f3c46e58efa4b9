/* SPDX-License-Identifier: Apache-2.0 */
/* The CBOR reader: bounds, progress, and that what it accepts is in the one shortest form. */
#include "cbor/reader.h"
#include "cbor/writer.h"
#include "fuzz.h"

/* Writes a scalar again as it was read. */
static bool read_and_write(struct vsa_cbor_reader *reader, struct vsa_builder *builder)
{
    int64_t integer;
    uint64_t number;
    struct vsa_slice bytes;
    bool flag;
    switch (vsa_cbor_peek(reader)) {
    case VSA_CBOR_UNSIGNED:
        if (vsa_cbor_read_unsigned(reader, &number, NULL) != VSA_OK)
            return false;
        vsa_cbor_write_unsigned(builder, number);
        return true;
    case VSA_CBOR_NEGATIVE:
        if (vsa_cbor_read_integer(reader, &integer, NULL) != VSA_OK)
            return false;
        vsa_cbor_write_integer(builder, integer);
        return true;
    case VSA_CBOR_BYTES:
        if (vsa_cbor_read_bytes(reader, &bytes, NULL) != VSA_OK)
            return false;
        vsa_cbor_write_bytes(builder, bytes);
        return true;
    case VSA_CBOR_TEXT:
        if (vsa_cbor_read_text(reader, &bytes, NULL) != VSA_OK)
            return false;
        /* The writer takes C strings: text with a NUL in it cannot be written again. */
        if (memchr(bytes.data, '\0', bytes.size))
            return false;
        char text[1024];
        if (bytes.size >= sizeof(text))
            return false;
        memcpy(text, bytes.data, bytes.size);
        text[bytes.size] = '\0';
        vsa_cbor_write_text(builder, text);
        return true;
    case VSA_CBOR_SIMPLE:
        if (vsa_cbor_read_optional_null(reader, &flag, NULL) != VSA_OK)
            return false;
        if (flag) {
            vsa_cbor_write_null(builder);
            return true;
        }
        if (vsa_cbor_read_boolean(reader, &flag, NULL) != VSA_OK)
            return false;
        vsa_cbor_write_boolean(builder, flag);
        return true;
    case VSA_CBOR_ARRAY:
    case VSA_CBOR_MAP:
    case VSA_CBOR_TAG:
    case VSA_CBOR_END:
    default:
        return false;
    }
}

static void check_scalar(struct vsa_cbor_reader reader)
{
    static uint8_t buffer[65536 + 16];
    struct vsa_builder builder = vsa_builder_of(buffer, sizeof(buffer));
    size_t start = reader.offset;
    if (!read_and_write(&reader, &builder))
        return;
    struct vsa_slice written;
    FUZZ_REQUIRE(vsa_builder_finish(&builder, &written, NULL) == VSA_OK);
    FUZZ_REQUIRE(written.size == reader.offset - start);
    FUZZ_REQUIRE(memcmp(written.data, reader.input.data + start, written.size) == 0);
}

/* Walks a map as the document parser does. */
static void check_map(struct vsa_cbor_reader reader)
{
    struct vsa_cbor_map map;
    bool found = false;
    size_t entries = 0;
    if (vsa_cbor_open_map(&reader, VSA_CBOR_MAP_ANY, &map, NULL) != VSA_OK)
        return;
    while (vsa_cbor_next_entry(&reader, &map, &found, NULL) == VSA_OK && found) {
        FUZZ_REQUIRE(++entries <= VSA_MAX_CBOR_MAP);
        if (vsa_cbor_skip(&reader, NULL) != VSA_OK || vsa_cbor_skip(&reader, NULL) != VSA_OK)
            return;
    }
}

/* A reader for any form takes what the strict one takes, to the same end, and stays in bounds. */
static void check_any_form(struct vsa_cbor_reader strict)
{
    struct vsa_cbor_reader any = vsa_cbor_reader_of_any_form(strict.input);
    struct vsa_error error = {.status = VSA_OK};
    any.offset = strict.offset;
    check_map(any);
    enum vsa_status status = vsa_cbor_skip(&any, &error);
    FUZZ_REQUIRE(any.offset <= any.input.size);
    FUZZ_REQUIRE(error.status == status);
    if (vsa_cbor_skip(&strict, NULL) == VSA_OK)
        FUZZ_REQUIRE(status == VSA_OK && any.offset == strict.offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_cbor_reader reader = vsa_cbor_reader_of(vsa_slice_of(data, size));
    while (vsa_cbor_peek(&reader) != VSA_CBOR_END) {
        struct vsa_error error = {.status = VSA_OK};
        size_t before = reader.offset;
        check_scalar(reader);
        check_map(reader);
        check_any_form(reader);
        enum vsa_status status = vsa_cbor_skip(&reader, &error);
        FUZZ_REQUIRE(reader.offset <= size);
        if (status != VSA_OK) {
            FUZZ_REQUIRE(error.status == status);
            break;
        }
        FUZZ_REQUIRE(reader.offset > before);
    }
    return 0;
}
