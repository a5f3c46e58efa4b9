/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "base/hex.h"

static void every_byte_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[256];
    uint8_t back[256];
    char text[513];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    vsa_hex_encode(vsa_slice_of(bytes, sizeof(bytes)), text, sizeof(text));
    assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f10", 34);
    assert_string_equal(text + 506, "fdfeff");
    assert_int_equal(vsa_hex_decode(vsa_slice_of_text(text), back, sizeof(back), NULL), VSA_OK);
    assert_memory_equal(back, bytes, sizeof(bytes));
}

static void both_cases_are_read(void **state)
{
    (void)state;
    uint8_t bytes[3];
    assert_int_equal(vsa_hex_decode(vsa_slice_of_text("aBCdEf"), bytes, 3, NULL), VSA_OK);
    assert_memory_equal(bytes, "\xab\xcd\xef", 3);
    assert_int_equal(vsa_hex_decode(vsa_slice_of_text(""), bytes, 0, NULL), VSA_OK);
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        size_t offset;
    } rows[] = {
        {"abc", 2, VSA_NO_OFFSET},
        {"abc", 1, VSA_NO_OFFSET},
        {"", 1, VSA_NO_OFFSET},
        {"abcd", 3, VSA_NO_OFFSET},
        {"ag", 1, 0},
        {"00g0", 2, 2},
        {"0x12", 2, 0},
        {" 1", 1, 0},
        {"1 ", 1, 0},
        {"0000\xc3\xa4", 3, 4},
        {"+1", 1, 0},
        {"00:0", 2, 2},
        {"@A", 1, 0},
        {"`a", 1, 0},
        {"/0", 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[8];
        struct vsa_error error = {0};
        assert_int_equal(
            vsa_hex_decode(vsa_slice_of_text(rows[i].text), bytes, rows[i].size, &error),
            VSA_ERR_HEX);
        assert_int_equal(error.offset, rows[i].offset);
    }
}

static void small_buffers_give_an_empty_string(void **state)
{
    (void)state;
    char text[5] = "xxxx";
    vsa_hex_encode(vsa_slice_of("\x12\x34", 2), text, 5);
    assert_string_equal(text, "1234");
    vsa_hex_encode(vsa_slice_of("\x12\x34", 2), text, 4);
    assert_string_equal(text, "");
    vsa_hex_encode(vsa_slice_of("\x12\x34", 2), text, 1);
    assert_string_equal(text, "");
    text[0] = 'x';
    vsa_hex_encode(vsa_slice_of("\x12\x34", 2), text, 0);
    assert_int_equal(text[0], 'x');
    vsa_hex_encode(vsa_slice_of("", 0), text, 1);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_both_ways),
        cmocka_unit_test(both_cases_are_read),
        cmocka_unit_test(refused),
        cmocka_unit_test(small_buffers_give_an_empty_string),
    };
    return cmocka_run_group_tests_name("hex", tests, NULL, NULL);
}
