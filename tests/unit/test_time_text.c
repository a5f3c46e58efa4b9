/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/time_text.h"

static const struct {
    int64_t ms;
    const char *text;
} both_ways[] = {
    {0, "1970-01-01T00:00:00Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {999, "1970-01-01T00:00:00.999Z"},
    {1725911352345, "2024-09-09T19:49:12.345Z"},
    {1725911352000, "2024-09-09T19:49:12Z"},
    {951782400000, "2000-02-29T00:00:00Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {-1000, "1969-12-31T23:59:59Z"},
    {-62135596800000, "0001-01-01T00:00:00Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
};

static void known_times_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(both_ways) / sizeof(both_ways[0]); i++) {
        char text[VSA_TIME_TEXT_SIZE];
        int64_t ms = 7;
        vsa_time_format(both_ways[i].ms, text, sizeof(text));
        assert_string_equal(text, both_ways[i].text);
        assert_int_equal(vsa_time_parse(both_ways[i].text, &ms, NULL), VSA_OK);
        assert_true(ms == both_ways[i].ms);
    }
}

static void outside_of_the_years_1_to_9999(void **state)
{
    static const int64_t times[] = {253402300800000, -62135596800001, INT64_MAX,
                                    INT64_MIN,       INT64_MIN + 1,   INT64_MAX - 999};
    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        char text[VSA_TIME_TEXT_SIZE] = "x";
        vsa_time_format(times[i], text, sizeof(text));
        assert_string_equal(text, "");
    }
    char untouched = 'x';
    vsa_time_format(0, &untouched, 0);
    assert_int_equal(untouched, 'x');
}

static void other_ways_to_write_a_time(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"2024-09-09T21:49:12+02:00", 1725911352000},
        {"2024-09-09T14:19:12-05:30", 1725911352000},
        {"2024-09-09t19:49:12z", 1725911352000},
        {"2024-09-09 19:49:12Z", 1725911352000},
        {"2024-09-09T19:49:12-00:00", 1725911352000},
        {"2024-09-09T19:49:12.3Z", 1725911352300},
        {"2024-09-09T19:49:12.34Z", 1725911352340},
        {"2024-09-09T19:49:12.345678901234567890Z", 1725911352345},
        {"2024-09-09T19:49:12.9999999Z", 1725911352999},
        {"2016-12-31T23:59:60Z", 1483228799000}, /* leap second */
        {"1725911352", 1725911352000},
        {"1725911352.345", 1725911352345},
        {"1725911352.3456", 1725911352345},
        {"0", 0},
        {"253402300799", 253402300799000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t ms = 7;
        if (vsa_time_parse(rows[i].text, &ms, NULL) != VSA_OK || ms != rows[i].ms)
            fail_msg("%s: %lld", rows[i].text, (long long)ms);
    }
}

static void refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "now",
        "2024-09-09",
        "2024-09-09T19:49:12", /* no offset */
        "2024-09-09T19:49Z",   /* no seconds */
        "2024-9-09T19:49:12Z", /* one digit */
        "24-09-09T19:49:12Z",
        "2024-09-09T19:49:12Z ", /* something after it */
        " 2024-09-09T19:49:12Z",
        "2024-09-09T19:49:12ZZ",
        "2024-09-09T19:49:12.Z", /* a point and no fraction */
        "2024-13-09T19:49:12Z",
        "2024-00-09T19:49:12Z",
        "2024-09-00T19:49:12Z",
        "2024-09-31T19:49:12Z", /* September has 30 */
        "2023-02-29T00:00:00Z", /* no leap year */
        "1900-02-29T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-09-09T24:00:00Z",
        "2024-09-09T19:60:12Z",
        "2024-09-09T19:49:61Z",
        "2024-09-09T19:49:12+24:00",
        "2024-09-09T19:49:12+02:60",
        "2024-09-09T19:49:12+0200",
        "2024-09-09T19:49:12+02",
        "2024-09-0:T19:49:12Z", /* ':' stands behind '9' */
        "2024-09-09T19:4/:12Z", /* '/' stands before '0' */
        "202a-09-09T19:49:12Z",
        "0000-01-01T00:00:00Z",
        "12024-09-09T19:49:12Z",
        "-1",
        "+1",
        "1e9",
        "0x10",
        "1725911352.",
        "1725911352 ",
        "1.5.5",
        "253402300800", /* the year 10000 */
        "99999999999999999999999999",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t ms = 7;
        struct vsa_error error = {0};
        if (vsa_time_parse(texts[i], &ms, &error) != VSA_ERR_ARGUMENT || ms != 7)
            fail_msg("\"%s\" gives %lld", texts[i], (long long)ms);
        assert_non_null(strstr(error.detail, "RFC 3339"));
    }
}

/* Every day of 400 years: what is written is read again. */
static void every_day_round_trip(void **state)
{
    (void)state;
    const int64_t day = 86400000;
    for (int64_t ms = 946684800000; ms < 946684800000 + 146097 * day; ms += day) {
        char text[VSA_TIME_TEXT_SIZE];
        int64_t back = 0;
        vsa_time_format(ms + 43199123, text, sizeof(text));
        if (vsa_time_parse(text, &back, NULL) != VSA_OK || back != ms + 43199123)
            fail_msg("%s", text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times_both_ways),
        cmocka_unit_test(outside_of_the_years_1_to_9999),
        cmocka_unit_test(other_ways_to_write_a_time),
        cmocka_unit_test(refused),
        cmocka_unit_test(every_day_round_trip),
    };
    return cmocka_run_group_tests_name("time_text", tests, NULL, NULL);
}
