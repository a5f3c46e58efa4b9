/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>

#include "base/printable.h"

static const struct {
    const char *text;
    const char *printable;
} rows[] = {
    {"", ""},
    {"plain ~text!", "plain ~text!"},
    {"\x1b[2J\r\n\t\x01\x7f", "?[2J?????"},
    {"gr\xc3\xbc\xc3\x9f \xe6\x97\xa5", "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5"},
    /* U+0080, U+009B and U+009F are controls, U+00A0 is a space. */
    {"a\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0z", "a??????\xc2\xa0z"},
    /* Not UTF-8: cut in the middle of a character, or never was. */
    {"\xc3\xbc\xc3", "???"},
    {"\xff\x1b x", "?? x"},
    {"\xc2", "?"},
};

static void controls_become_question_marks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "%s", rows[i].text);
        vsa_printable_make(text, strlen(text));
        assert_string_equal(text, rows[i].printable);
    }
}

static void a_nul_inside_is_one_too(void **state)
{
    (void)state;
    char text[] = "a\0b";
    vsa_printable_make(text, 3);
    assert_string_equal(text, "a?b");
}

static void control_sizes(void **state)
{
    (void)state;
    struct vsa_slice text = vsa_slice_of("a\n\xc2\x9b\xc2\xa0\xc2", 7);
    static const size_t sizes[] = {0, 1, 2, 0, 0, 0, 0};
    for (size_t i = 0; i < text.size; i++)
        assert_int_equal(vsa_printable_control(text, i), sizes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(controls_become_question_marks),
        cmocka_unit_test(a_nul_inside_is_one_too),
        cmocka_unit_test(control_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
