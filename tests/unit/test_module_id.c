/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/module_id.h"

#include <stdbool.h>

#include "unit_test.h"

static void test_parse(void **state)
{
    (void)state;
    static const uint8_t enclave[VSA_ENCLAVE_ID_SIZE] = {0x01, 0x9b, 0x85, 0x96,
                                                         0xb1, 0xa9, 0xda, 0xd6};
    struct vsa_module_id module_id;
    assert_int_equal(
        vsa_module_id_parse("i-0368fa67e156d6d23-enc019b8596b1a9dad6", &module_id, NULL), VSA_OK);
    assert_string_equal(module_id.text, "i-0368fa67e156d6d23-enc019b8596b1a9dad6");
    assert_string_equal(module_id.instance, "i-0368fa67e156d6d23");
    assert_memory_equal(module_id.enclave, enclave, sizeof(enclave));
    assert_int_equal(vsa_module_id_parse("i-12345678-enc7fffffffffffffff", &module_id, NULL),
                     VSA_OK);
    assert_string_equal(module_id.instance, "i-12345678");
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "i-",
        "i-0368fa67e156d6d23",
        "i-0368fa67e156d6d23-enc",
        "i-0368fa67e156d6d23-enc019b8596b1a9dad",
        "i-0368fa67e156d6d23-enc019b8596b1a9dad66",
        "i-0368fa67e156d6d23-enc019b8596b1a9dadg",
        "i-0368fa67e156d6d23-enc019B8596B1A9DAD6",
        "i-0368fa67e156d6d23-enc819b8596b1a9dad6", /* a negative serial number */
        "i-0368fa67e156d6d2-enc019b8596b1a9dad6",
        "i-0368fa67e156d6d233-enc019b8596b1a9dad6",
        "j-0368fa67e156d6d23-enc019b8596b1a9dad6",
        "i-0368fa67e156d6d23enc019b8596b1a9dad6",
        "i-0368fa67e156d6d23-enc019b8596b1a9dad6\n",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct vsa_module_id module_id = {.text = "untouched"};
        assert_int_equal(vsa_module_id_parse(wrong[i], &module_id, NULL), VSA_ERR_ARGUMENT);
        assert_string_equal(module_id.text, "untouched");
    }
}

static void test_make(void **state)
{
    (void)state;
    struct vsa_module_id module_id;
    assert_int_equal(vsa_module_id_make("i-0123456789abcdef0", 0x19b8596b1a9dad6, &module_id, NULL),
                     VSA_OK);
    assert_string_equal(module_id.text, "i-0123456789abcdef0-enc019b8596b1a9dad6");
    assert_int_equal(vsa_module_id_make("i-01234567", UINT64_MAX, &module_id, NULL), VSA_OK);
    assert_string_equal(module_id.text, "i-01234567-enc7fffffffffffffff");
    assert_int_equal(vsa_module_id_make("i-012345678", 1, &module_id, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_module_id_make("i-01234567x", 1, &module_id, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_module_id_make("", 1, &module_id, NULL), VSA_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
