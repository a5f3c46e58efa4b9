/* SPDX-License-Identifier: Apache-2.0 */
/* The DER reader: bounds, progress, and that its typed reads take what passing over takes. */
#include "der/reader.h"
#include "fuzz.h"

/* What one typed read makes of the element at the reader's position. */
static void check_read(struct vsa_der_reader reader, const struct vsa_der_reader *skipped)
{
    size_t start = reader.offset;
    unsigned tag = reader.input.data[start];
    struct vsa_error error = {.status = VSA_OK};
    struct vsa_slice content;
    struct vsa_der_reader inside;
    if (vsa_der_read(&reader, tag, &content, &error) == VSA_OK) {
        FUZZ_REQUIRE(content.data >= reader.input.data + start + 2);
        FUZZ_REQUIRE(content.data + content.size == reader.input.data + reader.offset);
        /* A constructed one under an implicit tag can be read as bytes. */
        if (!(tag & 0x20))
            FUZZ_REQUIRE(skipped && skipped->offset == reader.offset);
    } else {
        FUZZ_REQUIRE(error.status == VSA_ERR_CERTIFICATE_SYNTAX && reader.offset == start);
    }
    reader.offset = start;
    if (vsa_der_enter(&reader, tag, &inside, NULL) == VSA_OK) {
        FUZZ_REQUIRE(inside.end == reader.offset && inside.offset >= start + 2);
        FUZZ_REQUIRE(!skipped || skipped->offset == reader.offset);
    }
}

static void check_typed(const struct vsa_der_reader *reader, const struct vsa_der_reader *skipped)
{
    struct vsa_der_reader at = *reader;
    struct vsa_slice bytes;
    unsigned unused = 0;
    uint32_t number = 0;
    int64_t time = 0;
    bool flag = false;
    if (vsa_der_read_boolean(&at, &flag, NULL) == VSA_OK)
        FUZZ_REQUIRE(skipped && at.offset == skipped->offset);
    at = *reader;
    if (vsa_der_read_unsigned(&at, 1000, &number, NULL) == VSA_OK)
        FUZZ_REQUIRE(skipped && at.offset == skipped->offset && number <= 1000);
    at = *reader;
    if (vsa_der_read_named_bits(&at, VSA_DER_BIT_STRING, 9, &number, NULL) == VSA_OK)
        FUZZ_REQUIRE(skipped && at.offset == skipped->offset && number < 512);
    at = *reader;
    if (vsa_der_read_bits(&at, &bytes, &unused, NULL) == VSA_OK)
        FUZZ_REQUIRE(skipped && at.offset == skipped->offset && unused < 8);
    at = *reader;
    /* 1950 to 9999. */
    if (vsa_der_read_time(&at, &time, NULL) == VSA_OK)
        FUZZ_REQUIRE(skipped && at.offset == skipped->offset && time >= INT64_C(-631152000000) &&
                     time < INT64_C(253402300800000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_der_reader reader = vsa_der_reader_of(vsa_slice_of(data, size));
    while (!vsa_der_at_end(&reader)) {
        struct vsa_error error = {.status = VSA_OK};
        struct vsa_der_reader after = reader;
        enum vsa_status status = vsa_der_skip(&after, &error);
        FUZZ_REQUIRE(error.status == status && after.offset <= size);
        check_read(reader, status == VSA_OK ? &after : NULL);
        check_typed(&reader, status == VSA_OK ? &after : NULL);
        /* Into each constructed element, past all others. */
        struct vsa_der_reader inside;
        if (data[reader.offset] & 0x20 &&
            vsa_der_enter(&reader, data[reader.offset], &inside, NULL) == VSA_OK)
            reader.offset = inside.offset;
        else if (status == VSA_OK)
            reader = after;
        else
            break;
    }
    return 0;
}
