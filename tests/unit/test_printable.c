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
    /* Right-to-left override, isolates, zero width space, line separator, byte order mark, a tag.
     */
    {"a\xe2\x80\xae\xe2\x81\xa6z", "a??????z"},
    {"\xe2\x80\x8b\xe2\x80\xa8\xef\xbb\xbf", "?????????"},
    {"\xf3\xa0\x81\x81\xf0\x9f\x98\x80", "????\xf0\x9f\x98\x80"},
    /* Not UTF-8: cut in the middle of a character, or never was. */
    {"\xc3\xbc\xc3", "\xc3\xbc?"},
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

static void sizes_and_verdicts(void **state)
{
    (void)state;
    struct vsa_slice text = vsa_slice_of("a\n\xc2\x9b\xc2\xa0\xc2", 7);
    static const size_t sizes[] = {1, 1, 2, 2, 1};
    static const bool verdicts[] = {true, false, false, true, false};
    size_t offset = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        bool printable = !verdicts[i];
        assert_int_equal(vsa_printable_next(text, offset, &printable), sizes[i]);
        assert_int_equal(printable, verdicts[i]);
        offset += sizes[i];
    }
    assert_int_equal(offset, text.size);
    assert_true(vsa_printable_all(vsa_slice_of(NULL, 0)));
    assert_true(vsa_printable_all(vsa_slice_of_text("gr\xc3\xbc\xc3\x9f")));
    assert_false(vsa_printable_all(vsa_slice_of_text("a\xe2\x80\xaez")));
}

/* Each byte at each place of a text of ASCII: in groups, if any, and in the rest. */
static void a_byte_among_ascii(void **state)
{
    (void)state;
    char text[67];
    for (size_t at = 0; at < sizeof(text); at++)
        for (unsigned byte = 0; byte < 256; byte++) {
            memset(text, 'a', sizeof(text));
            text[at] = (char)byte;
            assert_int_equal(vsa_printable_all(vsa_slice_of(text, sizeof(text))),
                             byte >= 0x20 && byte < 0x7f);
        }
}

static size_t encode(unsigned long point, char text[4])
{
    if (point < 0x80) {
        text[0] = (char)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        text[i] = (char)(0x80 | (point & 0x3f));
    text[0] = (char)(0xf00 >> size | point);
    return size;
}

/* Python has Unicode's own table. What is unassigned there may be assigned later: either will do.
 */
static void the_table_is_unicodes(void **state)
{
    (void)state;
    FILE *python =
        popen("python3 -c 'import itertools, unicodedata as u\n"
              "kind = lambda c: {\"Cn\": 2, \"Cs\": 2, \"Cc\": 0, \"Cf\": 0, \"Zl\": 0, "
              "\"Zp\": 0}.get(u.category(chr(c)), 1)\n"
              "for k, g in itertools.groupby(range(0x110000), kind): print(k, len(list(g)))'",
              "r");
    assert_non_null(python);
    unsigned long point = 0;
    unsigned kind;
    unsigned long count;
    while (fscanf(python, "%u %lu", &kind, &count) == 2)
        for (unsigned long end = point + count; point < end; point++) {
            char text[4];
            bool printable;
            size_t size = encode(point, text);
            if (kind == 2)
                continue;
            assert_int_equal(vsa_printable_next(vsa_slice_of(text, size), 0, &printable), size);
            if (printable != (kind == 1))
                fail_msg("U+%04lX", point);
        }
    if (pclose(python) != 0)
        SKIP_BECAUSE("no python3 to compare with");
    assert_int_equal(point, 0x110000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(controls_become_question_marks),
        cmocka_unit_test(a_nul_inside_is_one_too),
        cmocka_unit_test(sizes_and_verdicts),
        cmocka_unit_test(a_byte_among_ascii),
        cmocka_unit_test(the_table_is_unicodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
