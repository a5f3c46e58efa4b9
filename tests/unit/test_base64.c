/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/base64.h"

/* RFC 4648 section 10, and bytes of every value. */
static const struct {
    const char *bytes;
    const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xff\xef\xbe", "/+++"},
    {"\xfb\xff", "+/8="},
};

static void vectors_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char text[32];
        uint8_t bytes[32];
        struct vsa_slice in = vsa_slice_of_text(vectors[i].bytes);
        struct vsa_slice out;
        assert_int_equal(vsa_base64_encode(in, text, sizeof(text), NULL), VSA_OK);
        assert_string_equal(text, vectors[i].text);
        assert_int_equal(strlen(text), vsa_base64_encoded_size(in.size));
        assert_int_equal(vsa_base64_decode(vsa_slice_of_text(text), VSA_BASE64_STRICT, bytes,
                                           sizeof(bytes), &out, NULL),
                         VSA_OK);
        assert_int_equal(out.size, in.size);
        assert_memory_equal(out.data, in.data, in.size);
        assert_true(out.size <= vsa_base64_decoded_size(strlen(text)));
    }
}

static void all_sizes_round_trip(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 256; size++) {
        uint8_t bytes[256];
        uint8_t back[256];
        char text[345];
        struct vsa_slice out;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(255 - i);
        assert_int_equal(vsa_base64_encode(vsa_slice_of(bytes, size), text, sizeof(text), NULL),
                         VSA_OK);
        assert_int_equal(vsa_base64_decode(vsa_slice_of_text(text), VSA_BASE64_STRICT, back,
                                           sizeof(back), &out, NULL),
                         VSA_OK);
        assert_int_equal(out.size, size);
        assert_memory_equal(back, bytes, size);
    }
}

static const struct {
    const char *text;
    size_t offset;
    const char *comment;
} refused[] = {
    {"Z", 1, "cut off after 1"},
    {"Zg", 2, "no padding"},
    {"Zg=", 3, "half of the padding"},
    {"Zm8", 3, "no padding after 3"},
    {"Zg==Zg==", 4, "padding inside"},
    {"Zg===", 4, "too much padding"},
    {"Zm9v=", 4, "padding that nothing needs"},
    {"Zm9v====", 4, "a quantum of padding"},
    {"=", 0, "padding alone"},
    {"====", 0, "padding alone, a quantum"},
    {"Z===", 1, "1 digit and padding"},
    {"Zg=a", 3, "a digit after padding"},
    {"Zh==", 3, "stray bits before =="},
    {"Zm9=", 3, "stray bits before ="},
    {"Z-__", 1, "URL alphabet"},
    {"Zm9v\n", 4, "line break where none is allowed"},
    {"Zm 9v", 2, "space where none is allowed"},
    {"Zm9\x80", 3, "a byte above 127"},
    {"Zm9v!", 4, "punctuation"},
    {"Zm9v,Zm9v", 4, "comma"},
};

static void strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        uint8_t bytes[32];
        struct vsa_slice out = {NULL, 7};
        struct vsa_error error = {0};
        enum vsa_status status =
            vsa_base64_decode(vsa_slice_of_text(refused[i].text), VSA_BASE64_STRICT, bytes,
                              sizeof(bytes), &out, &error);
        if (status != VSA_ERR_BASE64 || error.offset != refused[i].offset || out.size != 7)
            fail_msg("%s: %s at %zu", refused[i].comment, vsa_status_code(status), error.offset);
    }
    uint8_t bytes[32];
    struct vsa_slice out;
    assert_int_equal(vsa_base64_decode(vsa_slice_of("Zm\0v", 4), VSA_BASE64_WHITESPACE, bytes,
                                       sizeof(bytes), &out, NULL),
                     VSA_ERR_BASE64);
}

static void whitespace_where_allowed(void **state)
{
    static const char *const texts[] = {"Zm9v\nYmFy\n", "Zm9vYmFy\r\n",   " Z m 9 v Y m F y ",
                                        "\n\nZm9vYmFy", "Zm9v\tYmFy\n\n", "Zm\n9vYmFy"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint8_t bytes[32];
        struct vsa_slice out;
        assert_int_equal(vsa_base64_decode(vsa_slice_of_text(texts[i]), VSA_BASE64_WHITESPACE,
                                           bytes, sizeof(bytes), &out, NULL),
                         VSA_OK);
        assert_int_equal(out.size, 6);
        assert_memory_equal(out.data, "foobar", 6);
    }
    uint8_t bytes[32];
    struct vsa_slice out;
    struct vsa_error error = {0};
    assert_int_equal(vsa_base64_decode(vsa_slice_of_text("Zg=\n=\n"), VSA_BASE64_WHITESPACE, bytes,
                                       sizeof(bytes), &out, NULL),
                     VSA_OK);
    assert_int_equal(out.size, 1);
    assert_int_equal(vsa_base64_decode(vsa_slice_of_text("Zg==\nZg=="), VSA_BASE64_WHITESPACE,
                                       bytes, sizeof(bytes), &out, &error),
                     VSA_ERR_BASE64);
    assert_int_equal(error.offset, 5);
}

static void buffers_that_are_too_small(void **state)
{
    (void)state;
    char text[9];
    uint8_t bytes[6];
    struct vsa_slice out = {NULL, 7};
    assert_int_equal(vsa_base64_encode(vsa_slice_of("foobar", 6), text, 9, NULL), VSA_OK);
    assert_int_equal(vsa_base64_encode(vsa_slice_of("foobar", 6), text, 8, NULL), VSA_ERR_BUFFER);
    assert_string_equal(text, "");
    assert_int_equal(vsa_base64_encode(vsa_slice_of("foobar", 6), text, 0, NULL), VSA_ERR_BUFFER);
    assert_int_equal(vsa_base64_encode(vsa_slice_of("x", SIZE_MAX), text, 9, NULL), VSA_ERR_BUFFER);
    assert_int_equal(
        vsa_base64_decode(vsa_slice_of_text("Zm9vYmFy"), VSA_BASE64_STRICT, bytes, 6, &out, NULL),
        VSA_OK);
    out.size = 7;
    assert_int_equal(
        vsa_base64_decode(vsa_slice_of_text("Zm9vYmFy"), VSA_BASE64_STRICT, bytes, 5, &out, NULL),
        VSA_ERR_BUFFER);
    assert_int_equal(out.size, 7);
}

/* RFC 4648 section 10 without padding, and RFC 7515 appendix C. */
static void base64url_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *text;
    } url_vectors[] = {
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"\x03\xec\xff\xe0\xc1", "A-z_4ME"},
        {"fooba", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof(url_vectors) / sizeof(url_vectors[0]); i++) {
        char text[16];
        uint8_t bytes[16];
        struct vsa_slice out;
        struct vsa_slice in = vsa_slice_of_text(url_vectors[i].bytes);
        assert_int_equal(vsa_base64url_encoded_size(in.size), strlen(url_vectors[i].text));
        assert_int_equal(vsa_base64url_encode(in, text, strlen(url_vectors[i].text) + 1, NULL),
                         VSA_OK);
        assert_string_equal(text, url_vectors[i].text);
        assert_int_equal(vsa_base64url_encode(in, text, strlen(url_vectors[i].text), NULL),
                         VSA_ERR_BUFFER);
        assert_int_equal(vsa_base64url_decode(vsa_slice_of_text(url_vectors[i].text), bytes,
                                              sizeof(bytes), &out, NULL),
                         VSA_OK);
        assert_int_equal(out.size, in.size);
        assert_memory_equal(bytes, in.data, in.size);
    }
}

/* One text for each value: tokens and challenges are compared as text. */
static void base64url_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } bad[] = {
        {"Zg==", 2},  {"A+z_4ME", 1}, {"A-z/4ME", 3}, {"Zm9v\n", 4},
        {" Zm9v", 0}, {"Zh", 2},      {"Z", 1},       {"Zm9vY", 5},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t bytes[16];
        struct vsa_slice out;
        struct vsa_error error = {0};
        assert_int_equal(vsa_base64url_decode(vsa_slice_of_text(bad[i].text), bytes, sizeof(bytes),
                                              &out, &error),
                         VSA_ERR_BASE64);
        assert_int_equal(error.offset, bad[i].offset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_both_ways),
        cmocka_unit_test(all_sizes_round_trip),
        cmocka_unit_test(strict),
        cmocka_unit_test(whitespace_where_allowed),
        cmocka_unit_test(buffers_that_are_too_small),
        cmocka_unit_test(base64url_both_ways),
        cmocka_unit_test(base64url_is_strict),
    };
    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
