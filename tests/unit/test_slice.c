/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/slice.h"

static const struct vsa_slice absent = {NULL, 0};

static void equal(void **state)
{
    (void)state;
    struct vsa_slice empty = vsa_slice_of("", 0);
    struct vsa_slice ab = vsa_slice_of("ab", 2);
    assert_true(vsa_slice_equal(ab, vsa_slice_of("ab", 2)));
    assert_false(vsa_slice_equal(ab, vsa_slice_of("ac", 2)));
    assert_false(vsa_slice_equal(ab, vsa_slice_of("abc", 3)));
    assert_false(vsa_slice_equal(ab, vsa_slice_of("a", 1)));
    assert_true(vsa_slice_equal(empty, vsa_slice_of("x", 0)));
    /* Absent and empty mean different things in a document. */
    assert_false(vsa_slice_equal(empty, absent));
    assert_false(vsa_slice_equal(absent, empty));
    assert_true(vsa_slice_equal(absent, absent));
    assert_true(vsa_slice_equal_text(ab, "ab"));
    assert_false(vsa_slice_equal_text(ab, "abc"));
    assert_false(vsa_slice_equal_text(vsa_slice_of("ab", 3), "ab"));
    assert_true(vsa_slice_equal_text(empty, ""));
    assert_false(vsa_slice_equal_text(absent, ""));
}

static void equal_in_constant_time(void **state)
{
    (void)state;
    uint8_t a[48] = {0};
    uint8_t b[48] = {0};
    assert_true(vsa_slice_equal_constant_time(vsa_slice_of(a, 48), vsa_slice_of(b, 48)));
    for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(vsa_slice_equal_constant_time(vsa_slice_of(a, 48), vsa_slice_of(b, 48)));
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_false(vsa_slice_equal_constant_time(vsa_slice_of(a, 48), vsa_slice_of(b, 47)));
    assert_true(vsa_slice_equal_constant_time(vsa_slice_of(a, 0), vsa_slice_of(b, 0)));
    /* An absent value must not satisfy anything, not even an absent expectation. */
    assert_false(vsa_slice_equal_constant_time(absent, absent));
    assert_false(vsa_slice_equal_constant_time(absent, vsa_slice_of(a, 0)));
    assert_false(vsa_slice_equal_constant_time(vsa_slice_of(a, 0), absent));
}

static void zero(void **state)
{
    (void)state;
    uint8_t bytes[48] = {0};
    assert_true(vsa_slice_is_zero(vsa_slice_of(bytes, 48)));
    assert_true(vsa_slice_is_zero(absent));
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] = (uint8_t)(1 << bit % 8);
        assert_false(vsa_slice_is_zero(vsa_slice_of(bytes, 48)));
        bytes[bit / 8] = 0;
    }
}

static bool is_utf8(const char *text, size_t size)
{
    /* At its exact size, so that sanitizers and valgrind see a read past the end. */
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    bool good = vsa_slice_is_utf8(vsa_slice_of(copy, size));
    free(copy);
    return good;
}

static void utf8_vectors(void **state)
{
    static const char *const good[] = {
        "",
        "plain",
        "\xc2\x80",         /* U+0080 */
        "\xdf\xbf",         /* U+07FF */
        "\xe0\xa0\x80",     /* U+0800 */
        "\xed\x9f\xbf",     /* U+D7FF, the last before the surrogates */
        "\xee\x80\x80",     /* U+E000, the first after them */
        "\xef\xbf\xbf",     /* U+FFFF */
        "\xf0\x90\x80\x80", /* U+10000 */
        "\xf4\x8f\xbf\xbf", /* U+10FFFF */
        "(\xc3\xa4)\xe2\x82\xac!",
    };
    static const char *const bad[] = {
        "\x80", /* continuation alone */
        "a\xbf",
        "\xc0\x80", /* overlong NUL */
        "\xc1\xbf", /* overlong U+007F */
        "\xc2",     /* cut off */
        "\xc2(",
        "\xe0\x80\x80", /* overlong */
        "\xe0\x9f\xbf", /* overlong U+07FF */
        "\xe2\x82",     /* cut off */
        "\xe2\x28\xa1",
        "\xe2\x82\x28",
        "\xed\xa0\x80",     /* U+D800 */
        "\xed\xbf\xbf",     /* U+DFFF */
        "\xf0\x80\x80\x80", /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong U+FFFF */
        "\xf0\x90\x80",     /* cut off */
        "\xf0\x90\x28\x80",
        "\xf4\x90\x80\x80", /* U+110000 */
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(is_utf8(bad[i], strlen(bad[i])));
    assert_true(is_utf8("a\0b", 3));
}

/* Encodes a code point without asking whether it may be encoded. */
static size_t encode(uint32_t point, char *text)
{
    if (point < 0x80) {
        text[0] = (char)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        text[i] = (char)(0x80 | (point & 0x3f));
    text[0] = (char)(leads[size] | point);
    return size;
}

static void utf8_every_code_point(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x120000; point++) {
        char text[4];
        size_t size = encode(point, text);
        bool surrogate = point >= 0xd800 && point <= 0xdfff;
        if (vsa_slice_is_utf8(vsa_slice_of(text, size)) != (!surrogate && point <= 0x10ffff))
            fail_msg("U+%04X", point);
    }
}

/* 2-byte inputs: ASCII pairs, and U+0080 to U+07FF. */
static void utf8_all_pairs(void **state)
{
    (void)state;
    size_t accepted = 0;
    for (unsigned pair = 0; pair < 65536; pair++) {
        uint8_t bytes[] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        accepted += vsa_slice_is_utf8(vsa_slice_of(bytes, 2));
    }
    assert_int_equal(accepted, 128 * 128 + 0x800 - 0x80);
}

static void wipe(void **state)
{
    (void)state;
    uint8_t secret[64];
    memset(secret, 0xa5, sizeof(secret));
    vsa_wipe(secret + 1, 62);
    assert_int_equal(secret[0], 0xa5);
    assert_int_equal(secret[63], 0xa5);
    assert_true(vsa_slice_is_zero(vsa_slice_of(secret + 1, 62)));
    vsa_wipe(NULL, 0);
    vsa_wipe(secret, 0);
    assert_int_equal(secret[0], 0xa5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal),          cmocka_unit_test(equal_in_constant_time),
        cmocka_unit_test(zero),           cmocka_unit_test(utf8_vectors),
        cmocka_unit_test(utf8_all_pairs), cmocka_unit_test(utf8_every_code_point),
        cmocka_unit_test(wipe),
    };
    return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
