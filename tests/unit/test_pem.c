/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pem.h"

#include <string.h>

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

struct row {
    const char *text;
    enum vsa_status status;
    const char *der; /* NULL: absent */
};

static void test_decode(void **state)
{
    static const struct row rows[] = {
        {BEGIN "YWJj\n" END, VSA_OK, "abc"},
        {"-----BEGIN THING-----\r\nYW\r\n Jj\r\n-----END THING----- \t\r\n", VSA_OK, "abc"},
        {BEGIN END, VSA_OK, ""},
        {"", VSA_OK, NULL},
        {"abc", VSA_OK, NULL},
        {" " BEGIN "YWJj\n" END, VSA_OK, NULL},
        {"-----BEGIN OTHER-----\nYWJj\n-----END OTHER-----\n", VSA_OK, NULL},
        {BEGIN "YWJj\n", VSA_ERR_BASE64, NULL},
        {BEGIN "YWJj\n" END "x", VSA_ERR_BASE64, NULL},
        {BEGIN "YWJj\n" END BEGIN "YWJj\n" END, VSA_ERR_BASE64, NULL},
        {BEGIN "YWJ\n" END, VSA_ERR_BASE64, NULL},
        {BEGIN "YWJj\n-----END OTHER-----\n", VSA_ERR_BASE64, NULL},
        {BEGIN "YWJjYWJjYWJj\n" END, VSA_ERR_BUFFER, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t buffer[8];
        struct vsa_slice der = {0};
        enum vsa_status status = vsa_pem_decode(vsa_slice_of_text(rows[i].text), "THING", buffer,
                                                sizeof(buffer), &der, NULL);
        if (status != rows[i].status)
            fail_msg("%s: %s", rows[i].text, vsa_status_code(status));
        assert_int_equal(der.data != NULL, rows[i].der != NULL);
        if (!rows[i].der)
            continue;
        assert_int_equal(der.size, strlen(rows[i].der));
        assert_memory_equal(der.data, rows[i].der, der.size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_too_small),
        cmocka_unit_test(test_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
