/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/pem.h"

#include "unit_test.h"

static void assert_pem(size_t size, const char *expected)
{
    static const uint8_t bytes[100];
    char buffer[VSA_PEM_SIZE(100)];
    struct vsa_slice pem;
    assert_int_equal(
        vsa_pem_encode("THING", vsa_slice_of(bytes, size), buffer, VSA_PEM_SIZE(size), &pem, NULL),
        VSA_OK);
    assert_int_equal(pem.size, strlen(expected));
    assert_memory_equal(pem.data, expected, pem.size);
}

#define BEGIN "-----BEGIN THING-----\n"
#define END   "-----END THING-----\n"
#define LINE  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"

/* RFC 7468 section 2: 64 characters a line, except the last. */
static void test_lines(void **state)
{
    (void)state;
    assert_pem(0, BEGIN END);
    assert_pem(1, BEGIN "AA==\n" END);
    assert_pem(48, BEGIN LINE END);
    assert_pem(49, BEGIN LINE "AA==\n" END);
    assert_pem(96, BEGIN LINE LINE END);
    assert_pem(100, BEGIN LINE LINE "AAAAAA==\n" END);
}

static void test_too_small(void **state)
{
    (void)state;
    char buffer[64];
    struct vsa_slice pem;
    uint8_t bytes[48] = {0};
    assert_int_equal(vsa_pem_encode("THING", vsa_slice_of(bytes, sizeof(bytes)), buffer,
                                    sizeof(buffer), &pem, NULL),
                     VSA_ERR_BUFFER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
