/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <ctype.h>
#include <string.h>

#include "base/error.h"

static const struct {
    enum vsa_status status;
    const char *code;
    const char *text;
} table[] = {
#define ROW(name, number, code, meaning) {name, code, meaning},
    VSA_STATUS_TABLE(ROW)
#undef ROW
};

#define ROWS (sizeof(table) / sizeof(table[0]))

static void codes_and_numbers_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(table[i].code, table[k].code);
            assert_int_not_equal(table[i].status, table[k].status);
        }
}

static void codes_are_snake_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(islower(table[i].code[0]));
        for (const char *c = table[i].code; *c; c++)
            assert_true(islower(*c) || isdigit(*c) || (*c == '_' && c[1] && c[1] != '_'));
        assert_true(table[i].text[0] != '\0');
    }
}

static void lookups(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        assert_string_equal(vsa_status_code(table[i].status), table[i].code);
        assert_string_equal(vsa_status_text(table[i].status), table[i].text);
        assert_int_equal(vsa_status_from_code(table[i].code),
                         table[i].status == VSA_OK ? VSA_ERR_INTERNAL : table[i].status);
        assert_int_equal(vsa_status_class(table[i].status), table[i].status >> 8);
    }
    assert_int_equal(vsa_status_from_code("no_such_code"), VSA_ERR_INTERNAL);
    assert_int_equal(vsa_status_from_code(""), VSA_ERR_INTERNAL);
    assert_int_equal(vsa_status_from_code(NULL), VSA_ERR_INTERNAL);
    assert_string_equal(vsa_status_code((enum vsa_status)0x3ff), "internal_error");
    assert_int_equal(vsa_status_class((enum vsa_status)0x3ff), VSA_CLASS_INTERNAL);
    assert_int_equal(vsa_status_class((enum vsa_status) - 1), VSA_CLASS_INTERNAL);
    assert_string_equal(vsa_status_text((enum vsa_status)0x9999), "unknown status");
}

/* Numbers run on from 0 in each class: a new status stands at its end. */
static void numbers_run_on_in_each_class(void **state)
{
    (void)state;
    for (size_t i = 1; i < ROWS; i++) {
        unsigned before = table[i - 1].status;
        unsigned here = table[i].status;
        assert_true(here == before + 1 || here == (before & ~0xffu) + 0x100);
    }
}

/* The classes decide exit codes and how callers react: these must not drift. */
static void classes_of_the_verdicts(void **state)
{
    static const struct {
        enum vsa_status status;
        enum vsa_status_class class;
    } rows[] = {
        {VSA_OK, VSA_CLASS_OK},
        {VSA_ERR_CBOR, VSA_CLASS_SYNTAX},
        {VSA_ERR_DUPLICATE_KEY, VSA_CLASS_SYNTAX},
        {VSA_ERR_TRAILING_BYTES, VSA_CLASS_SYNTAX},
        {VSA_ERR_CERTIFICATE_SYNTAX, VSA_CLASS_SYNTAX},
        {VSA_ERR_ALGORITHM, VSA_CLASS_FORMAT},
        {VSA_ERR_PCRS, VSA_CLASS_FORMAT},
        {VSA_ERR_NITROTPM, VSA_CLASS_FORMAT},
        {VSA_ERR_UNTRUSTED_ROOT, VSA_CLASS_TRUST},
        {VSA_ERR_CERTIFICATE_PROFILE, VSA_CLASS_TRUST},
        {VSA_ERR_CHAIN, VSA_CLASS_TRUST},
        {VSA_ERR_EXPIRED, VSA_CLASS_TRUST},
        {VSA_ERR_NOT_YET_VALID, VSA_CLASS_TRUST},
        {VSA_ERR_SIGNATURE, VSA_CLASS_TRUST},
        {VSA_ERR_TOO_OLD, VSA_CLASS_POLICY},
        {VSA_ERR_FROM_FUTURE, VSA_CLASS_POLICY},
        {VSA_ERR_DEBUG_MODE, VSA_CLASS_POLICY},
        {VSA_ERR_NONCE, VSA_CLASS_POLICY},
        {VSA_ERR_PCR_MISMATCH, VSA_CLASS_POLICY},
        {VSA_ERR_PCR_MISSING, VSA_CLASS_POLICY},
        {VSA_ERR_TOO_LARGE, VSA_CLASS_LIMIT},
        {VSA_ERR_TIMEOUT, VSA_CLASS_IO},
        {VSA_ERR_POLICY_EMPTY, VSA_CLASS_USAGE},
        {VSA_ERR_NO_ANCHOR, VSA_CLASS_USAGE},
        {VSA_ERR_CRYPTO, VSA_CLASS_INTERNAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(vsa_status_class(rows[i].status), rows[i].class);
}

static void fail_fills_the_error(void **state)
{
    (void)state;
    static const char rule[] = "RFC 1 section 2";
    struct vsa_error error;
    char sentence[64];
    memset(&error, 0xa5, sizeof(error));
    assert_int_equal(vsa_fail_at(&error, VSA_ERR_PCRS, 17, rule, "PCR%d of %s", 3, "x"),
                     VSA_ERR_PCRS);
    assert_int_equal(error.status, VSA_ERR_PCRS);
    assert_int_equal(error.offset, 17);
    assert_ptr_equal(error.rule, rule);
    assert_string_equal(error.detail, "PCR3 of x");
    assert_string_equal(vsa_error_sentence(&error, sentence, sizeof(sentence)),
                        "PCR3 of x (RFC 1 section 2)");
    assert_int_equal(vsa_fail_at(NULL, VSA_ERR_PCRS, 17, rule, "ignored"), VSA_ERR_PCRS);
    error.rule = NULL;
    assert_string_equal(vsa_error_sentence(&error, sentence, sizeof(sentence)), "PCR3 of x");
    error.detail[0] = '\0';
    assert_string_equal(vsa_error_sentence(&error, sentence, sizeof(sentence)),
                        "PCR map breaks the rules");
}

static void long_details_are_cut_off(void **state)
{
    (void)state;
    char text[1000];
    char sentence[10];
    struct vsa_error error;
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(vsa_fail(&error, VSA_ERR_IO, "%s", text), VSA_ERR_IO);
    assert_int_equal(strlen(error.detail), VSA_ERROR_DETAIL - 1);
    vsa_error_wrap(&error, "%s", text);
    assert_int_equal(strlen(error.detail), VSA_ERROR_DETAIL - 1);
    assert_string_equal(vsa_error_sentence(&error, sentence, sizeof(sentence)), "aaaaaaaaa");
    sentence[0] = 'x';
    vsa_error_sentence(&error, sentence, 0);
    assert_int_equal(sentence[0], 'x');
}

/* A byte that begins a character stands last before the cut: it goes, too. */
static void cuts_fall_between_characters(void **state)
{
    (void)state;
    char text[VSA_ERROR_DETAIL + 8];
    char sentence[10];
    struct vsa_error error;
    memset(text, 'a', sizeof(text));
    (void)strcpy(text + VSA_ERROR_DETAIL - 2, "\xc3\xbc");
    assert_int_equal(vsa_fail(&error, VSA_ERR_IO, "%s", text), VSA_ERR_IO);
    assert_int_equal(strlen(error.detail), VSA_ERROR_DETAIL - 2);
    (void)strcpy(error.detail, "\xc3\xbc");
    vsa_error_wrap(&error, "%.*s", VSA_ERROR_DETAIL - 4, text);
    assert_int_equal(strlen(error.detail), VSA_ERROR_DETAIL - 2);
    (void)strcpy(error.detail, "aaaaaaa\xe2\x82\xac");
    assert_string_equal(vsa_error_sentence(&error, sentence, sizeof(sentence)), "aaaaaaa");
}

static void wrap_puts_the_context_first(void **state)
{
    (void)state;
    struct vsa_error error;
    assert_int_equal(vsa_fail_at(&error, VSA_ERR_CHAIN, 3, NULL, "expired"), VSA_ERR_CHAIN);
    vsa_error_wrap(&error, "cabundle[%d]", 2);
    assert_string_equal(error.detail, "cabundle[2]: expired");
    assert_int_equal(error.status, VSA_ERR_CHAIN);
    assert_int_equal(error.offset, 3);
    vsa_error_wrap(NULL, "nothing");
}

static void version_is_the_build_s(void **state)
{
    (void)state;
    assert_string_equal(vsa_version(), VSA_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_and_numbers_are_unique),
        cmocka_unit_test(codes_are_snake_case),
        cmocka_unit_test(lookups),
        cmocka_unit_test(numbers_run_on_in_each_class),
        cmocka_unit_test(classes_of_the_verdicts),
        cmocka_unit_test(fail_fills_the_error),
        cmocka_unit_test(long_details_are_cut_off),
        cmocka_unit_test(cuts_fall_between_characters),
        cmocka_unit_test(wrap_puts_the_context_first),
        cmocka_unit_test(version_is_the_build_s),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
