/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/slice.h"
#include "service_client/bearer.h"

static void tokens(void **state)
{
    (void)state;
    static const char *const texts[] = {"a", "abc.def-~+/=", "a\n", "a \t\r\n\n"};
    char token[VSA_MAX_BEARER + 1];
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(vsa_bearer_read(vsa_slice_of_text(texts[i]), token, NULL), VSA_OK);
        assert_int_equal(strlen(token), strcspn(texts[i], " \t\r\n"));
        assert_memory_equal(token, texts[i], strlen(token));
    }
}

static void no_tokens(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     "\n",    " a",       "a b",
                                        "a\nb", "a\x7f", "\xc3\xa4", "a\x1b"};
    char token[VSA_MAX_BEARER + 1] = "before";
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(vsa_bearer_read(vsa_slice_of_text(texts[i]), token, NULL),
                         VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_bearer_read(vsa_slice_of("a", 2), token, NULL), VSA_ERR_ARGUMENT);
    assert_string_equal(token, "before");
}

static void the_longest(void **state)
{
    (void)state;
    char text[VSA_MAX_BEARER + 1];
    char token[VSA_MAX_BEARER + 1];
    memset(text, 'x', sizeof(text));
    assert_int_equal(vsa_bearer_read(vsa_slice_of(text, VSA_MAX_BEARER), token, NULL), VSA_OK);
    assert_int_equal(strlen(token), VSA_MAX_BEARER);
    assert_int_equal(vsa_bearer_read(vsa_slice_of(text, sizeof(text)), token, NULL),
                     VSA_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(no_tokens),
        cmocka_unit_test(the_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
