/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "base/builder.h"

static void appends_in_order(void **state)
{
    (void)state;
    uint8_t bytes[16];
    struct vsa_builder builder = vsa_builder_of(bytes, sizeof(bytes));
    struct vsa_slice out;
    vsa_builder_append(&builder, vsa_slice_of("ab", 2));
    vsa_builder_append_byte(&builder, 'c');
    vsa_builder_append(&builder, vsa_slice_of(NULL, 0));
    vsa_builder_append_big_endian(&builder, 0x0102030405060708, 4);
    assert_int_equal(vsa_builder_finish(&builder, &out, NULL), VSA_OK);
    assert_ptr_equal(out.data, bytes);
    assert_int_equal(out.size, 7);
    assert_memory_equal(bytes, "abc\x05\x06\x07\x08", 7);
}

static void big_endian_of_every_width(void **state)
{
    (void)state;
    static const uint8_t value[] = {0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8};
    for (size_t width = 1; width <= 8; width++) {
        uint8_t bytes[8];
        struct vsa_builder builder = vsa_builder_of(bytes, width);
        struct vsa_slice out;
        vsa_builder_append_big_endian(&builder, UINT64_C(0xf1f2f3f4f5f6f7f8), width);
        assert_int_equal(vsa_builder_finish(&builder, &out, NULL), VSA_OK);
        assert_int_equal(out.size, width);
        assert_memory_equal(bytes, value + 8 - width, width);
    }
}

static void exact_fit_and_one_too_many(void **state)
{
    (void)state;
    uint8_t bytes[4] = {0, 0, 0, 0xee};
    struct vsa_builder builder = vsa_builder_of(bytes, 3);
    struct vsa_slice out = {NULL, 7};
    struct vsa_error error = {0};
    vsa_builder_append(&builder, vsa_slice_of("abc", 3));
    assert_int_equal(vsa_builder_finish(&builder, &out, NULL), VSA_OK);
    assert_int_equal(out.size, 3);
    out.size = 7;
    vsa_builder_append_byte(&builder, 'd');
    assert_int_equal(vsa_builder_finish(&builder, &out, &error), VSA_ERR_BUFFER);
    assert_int_equal(error.status, VSA_ERR_BUFFER);
    assert_int_equal(out.size, 7);
    assert_int_equal(bytes[3], 0xee);
}

/* Once something did not fit, nothing is written any more, even if it would. */
static void overflow_is_remembered(void **state)
{
    (void)state;
    uint8_t bytes[3] = {0xee, 0xee, 0xee};
    struct vsa_builder builder = vsa_builder_of(bytes, 3);
    struct vsa_slice out;
    vsa_builder_append(&builder, vsa_slice_of("abcd", 4));
    vsa_builder_append_byte(&builder, 'a');
    assert_int_equal(vsa_builder_finish(&builder, &out, NULL), VSA_ERR_BUFFER);
    assert_int_equal(bytes[0], 0xee);
    struct vsa_builder huge = vsa_builder_of(bytes, 3);
    vsa_builder_append_byte(&huge, 'a');
    vsa_builder_append(&huge, vsa_slice_of("x", SIZE_MAX));
    assert_int_equal(vsa_builder_finish(&huge, &out, NULL), VSA_ERR_BUFFER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_in_order),
        cmocka_unit_test(big_endian_of_every_width),
        cmocka_unit_test(exact_fit_and_one_too_many),
        cmocka_unit_test(overflow_is_remembered),
    };
    return cmocka_run_group_tests_name("builder", tests, NULL, NULL);
}
