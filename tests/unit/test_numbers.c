/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and seconds as options have them. */
#include "unit_test.h"

#include <stdbool.h>
#include <string.h>

#include "command_line/numbers.h"

static void whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t lowest;
        uint64_t highest;
        bool ok;
        uint64_t value;
    } rows[] = {
        {"0", 0, 9, true, 0},
        {"007", 1, 9, true, 7},
        {"10", 1, 9, false, 0},
        {"0", 1, 9, false, 0},
        {"18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", 0, UINT64_MAX, false, 0},
        {"", 0, 9, false, 0},
        {"-1", 0, 9, false, 0},
        {"+1", 0, 9, false, 0},
        {" 1", 0, 9, false, 0},
        {"1x", 0, 9, false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_error error = {0};
        uint64_t value = 4711;
        enum vsa_status status =
            numbers_parse("--n", rows[i].text, rows[i].lowest, rows[i].highest, &value, &error);
        assert_int_equal(status, rows[i].ok ? VSA_OK : VSA_ERR_ARGUMENT);
        assert_int_equal(value, rows[i].ok ? rows[i].value : 4711);
        assert_true(rows[i].ok || strstr(error.detail, "--n: '"));
    }
}

static void seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"0.1", 100}, {"2.5", 2500}, {"1.234", 1234}, {"60", 60000},  {"60.999", 60999},
        {"0", -1},    {"0.099", -1}, {"1.", -1},      {"1.2345", -1}, {".5", -1},
        {"61", -1},   {"1,5", -1},   {"1e1", -1},     {"", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_error error = {0};
        int64_t ms = -1;
        enum vsa_status status = numbers_parse_seconds("--t", rows[i].text, 100, 60, &ms, &error);
        assert_int_equal(status, rows[i].ms < 0 ? VSA_ERR_ARGUMENT : VSA_OK);
        assert_int_equal(ms, rows[i].ms);
        assert_true(status == VSA_OK || strstr(error.detail, "seconds from 0.1 to 60"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(seconds),
    };
    return cmocka_run_group_tests_name("numbers", tests, NULL, NULL);
}
