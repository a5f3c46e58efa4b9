/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "cbor_vectors.h"

static void expect(const struct vsa_builder *builder, const char *hex)
{
    uint8_t wanted[512];
    size_t size = cbor_vector_bytes(hex, wanted, sizeof(wanted));
    struct vsa_slice out;
    assert_int_equal(vsa_builder_finish(builder, &out, NULL), VSA_OK);
    assert_int_equal(out.size, size);
    assert_memory_equal(out.data, wanted, size);
}

#define BUILDER(name)                                                                              \
    uint8_t name##_bytes[512];                                                                     \
    struct vsa_builder name = vsa_builder_of(name##_bytes, sizeof(name##_bytes))

/* RFC 8949 appendix A. */
static void integers_in_shortest_form(void **state)
{
    static const struct {
        int64_t value;
        const char *hex;
    } rows[] = {{0, "00"},
                {23, "17"},
                {24, "1818"},
                {255, "18ff"},
                {256, "190100"},
                {65535, "19ffff"},
                {65536, "1a00010000"},
                {UINT32_MAX, "1affffffff"},
                {INT64_C(1) << 32, "1b0000000100000000"},
                {INT64_MAX, "1b7fffffffffffffff"},
                {-1, "20"},
                {-24, "37"},
                {-25, "3818"},
                {-35, "3822"},
                {-256, "38ff"},
                {-257, "390100"},
                {INT64_MIN, "3b7fffffffffffffff"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        BUILDER(builder);
        vsa_cbor_write_integer(&builder, rows[i].value);
        expect(&builder, rows[i].hex);
    }
    BUILDER(builder);
    vsa_cbor_write_unsigned(&builder, UINT64_MAX);
    expect(&builder, "1bffffffffffffffff");
}

static void every_kind_of_item(void **state)
{
    (void)state;
    BUILDER(builder);
    vsa_cbor_write_tag(&builder, 18);
    vsa_cbor_write_array(&builder, 9);
    vsa_cbor_write_bytes(&builder, vsa_slice_of("\x01\x02", 2));
    vsa_cbor_write_bytes(&builder, vsa_slice_of("", 0));
    vsa_cbor_write_optional_bytes(&builder, vsa_slice_of("", 0));
    vsa_cbor_write_optional_bytes(&builder, vsa_slice_of(NULL, 0));
    vsa_cbor_write_text(&builder, "a");
    vsa_cbor_write_text(&builder, "");
    vsa_cbor_write_boolean(&builder, true);
    vsa_cbor_write_boolean(&builder, false);
    vsa_cbor_write_null(&builder);
    expect(&builder, "d2 89 420102 40 40 f6 6161 60 f5 f4 f6");
}

static void maps_of_both_forms(void **state)
{
    (void)state;
    BUILDER(definite);
    vsa_cbor_write_map(&definite, 1);
    vsa_cbor_write_unsigned(&definite, 1);
    vsa_cbor_write_integer(&definite, -35);
    expect(&definite, "a1013822");
    BUILDER(indefinite);
    vsa_cbor_write_indefinite_map(&indefinite);
    vsa_cbor_write_text(&indefinite, "a");
    vsa_cbor_write_null(&indefinite);
    vsa_cbor_write_break(&indefinite);
    expect(&indefinite, "bf6161f6ff");
}

static void heads_of_every_width(void **state)
{
    static const size_t sizes[] = {0, 23, 24, 255, 256, 65535, 65536};
    static const char *const heads[] = {"40",     "57",     "5818",      "58ff",
                                        "590100", "59ffff", "5a00010000"};
    (void)state;
    for (size_t i = 0; i < 7; i++) {
        BUILDER(builder);
        vsa_cbor_write_bytes_head(&builder, sizes[i]);
        expect(&builder, heads[i]);
    }
}

/* What is written is read again, whatever the value: widths and their edges. */
static void round_trip(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++)
        for (int step = -1; step <= 1; step++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)(int64_t)step;
            BUILDER(builder);
            vsa_cbor_write_unsigned(&builder, value);
            vsa_cbor_write_integer(&builder, (int64_t)value);
            struct vsa_slice out;
            assert_int_equal(vsa_builder_finish(&builder, &out, NULL), VSA_OK);
            struct vsa_cbor_reader reader = vsa_cbor_reader_of(out);
            uint64_t found = 0;
            int64_t integer = 0;
            assert_int_equal(vsa_cbor_read_unsigned(&reader, &found, NULL), VSA_OK);
            assert_int_equal(vsa_cbor_read_integer(&reader, &integer, NULL), VSA_OK);
            assert_true(found == value && integer == (int64_t)value);
            assert_int_equal(vsa_cbor_finish(&reader, "both", NULL), VSA_OK);
        }
}

static void running_out_of_room(void **state)
{
    (void)state;
    uint8_t bytes[4] = {9, 9, 9, 9};
    struct vsa_builder builder = vsa_builder_of(bytes, 3);
    struct vsa_slice out = {NULL, 0};
    vsa_cbor_write_bytes(&builder, vsa_slice_of("\x01\x02\x03", 3));
    assert_int_equal(vsa_builder_finish(&builder, &out, NULL), VSA_ERR_BUFFER);
    assert_null(out.data);
    assert_int_equal(bytes[3], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_in_shortest_form),
        cmocka_unit_test(every_kind_of_item),
        cmocka_unit_test(maps_of_both_forms),
        cmocka_unit_test(heads_of_every_width),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(running_out_of_room),
    };
    return cmocka_run_group_tests_name("cbor_writer", tests, NULL, NULL);
}
