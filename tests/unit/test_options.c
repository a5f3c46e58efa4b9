/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines from a table, without a program. */
#include "unit_test.h"

#include <string.h>

#include "command_line/options.h"

enum { KEY_TAKEN = OPTION_KEY_PROGRAM, KEY_SHARED };

struct arguments {
    bool flag;
    const char *text;
    uint32_t narrow;
    uint64_t wide;
    int64_t ms;
    const char *taken;
};

static const struct program_option rows[] = {
    OPTION_ROW_FLAG(arguments, flag, "flag", "sets it"),
    OPTION_ROW_TEXT(arguments, text, "text", "TEXT", "keeps it"),
    OPTION_ROW_NUMBER(arguments, narrow, "narrow", "N", "of 4 bytes", 1, 9),
    OPTION_ROW_NUMBER(arguments, wide, "wide", "N", "of 8 bytes", 0, UINT64_MAX),
    OPTION_ROW_SECONDS(arguments, ms, "time", "SECONDS", "in ms", 100, 60),
    {"taken", KEY_TAKEN, "TEXT", "may be repeated", .repeatable = true},
    {"shared", KEY_SHARED, "TEXT", "has an older name"},
    {"older", KEY_SHARED, "TEXT", NULL},
    OPTION_ROWS_END,
};

static enum vsa_status take(void *context, int key, const char *value, struct vsa_error *error)
{
    struct arguments *arguments = context;
    (void)key;
    (void)error;
    arguments->taken = value;
    return VSA_OK;
}

static const struct option_set set = {.usage = "Usage\n", .groups = {{NULL, rows}}, .take = take};

/* Splits `line` at spaces. */
static enum vsa_status read_line(const char *line, struct arguments *arguments,
                                 struct option_operands *operands, struct vsa_error *error)
{
    static char text[200];
    static char *words[20];
    int count = 0;
    (void)snprintf(text, sizeof(text), "program %s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    words[count] = NULL;
    *arguments = (struct arguments){.narrow = 4711, .wide = 4711, .ms = -1};
    return options_read(&set, count, words, arguments, operands, error);
}

static void values_go_where_rows_say(void **state)
{
    struct arguments got;
    struct option_operands operands;
    struct vsa_error error = {0};
    (void)state;
    assert_int_equal(read_line("--flag --text a --narrow 9 --wide=18446744073709551615 --time 2.5 "
                               "--taken b --taken c --older d one two",
                               &got, &operands, &error),
                     VSA_OK);
    assert_true(got.flag);
    assert_string_equal(got.text, "a");
    assert_int_equal(got.narrow, 9);
    assert_int_equal(got.wide, UINT64_MAX);
    assert_int_equal(got.ms, 2500);
    assert_string_equal(got.taken, "d");
    assert_int_equal(operands.count, 2);
    assert_string_equal(operands.words[1], "two");
    assert_false(operands.done);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *line;
        const char *words;
    } mistakes[] = {
        {"--narrow 0", "--narrow: '0' is not a whole number from 1 to 9"},
        {"--narrow 10", "--narrow: '10' is not"},
        {"--time 0", "--time: '0' is not a number of seconds from 0.1 to 60"},
        {"--text", "--text needs a value"},
        {"--flag=1", "--flag=1 takes no value"},
        {"--no-such", "unknown or ambiguous option --no-such"},
        {"--t x", "unknown or ambiguous option --t"},
        {"-x", "unknown option -x"},
        {"--text a --text b", "--text is given twice"},
        {"--shared a --older b", "--older is given twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct arguments got;
        struct option_operands operands;
        struct vsa_error error = {0};
        assert_int_equal(read_line(mistakes[i].line, &got, &operands, &error), VSA_ERR_ARGUMENT);
        if (!strstr(error.detail, mistakes[i].words))
            fail_msg("%s: %s", mistakes[i].line, error.detail);
        assert_int_equal(got.narrow, 4711);
        assert_int_equal(got.ms, -1);
    }
}

static void flags_are_found_before_reading(void **state)
{
    static char line[][10] = {"program", "--a", "--json", "--", "--late"};
    char *words[] = {line[0], line[1], line[2], line[3], line[4], NULL};
    (void)state;
    assert_true(options_mention(5, words, "--json"));
    assert_false(options_mention(5, words, "--late"));
    assert_false(options_mention(5, words, "program"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_where_rows_say),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(flags_are_found_before_reading),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
