/* SPDX-License-Identifier: Apache-2.0 */
/* One table for a command line and a file: which of them wins, and what is refused. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "command_line/settings.h"

struct arguments {
    uint64_t number;
    const char *text;
    const char *what; /* of the last value of "list" */
    char list[40];
};

static enum vsa_status take_list(void *context, const char *what, const char *value,
                                 struct vsa_error *error)
{
    struct arguments *arguments = context;
    if (strcmp(value, "bad") == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s: bad", what);
    arguments->what = strcmp(what, "--list") == 0 ? "option" : "name";
    (void)strncat(arguments->list, value, sizeof(arguments->list) - strlen(arguments->list) - 1);
    return VSA_OK;
}

static const struct program_setting rows[] = {
    {OPTION_ROW_NUMBER(arguments, number, "number", "N", "a number", 1, 9), NULL, true},
    {OPTION_ROW_TEXT(arguments, text, "text", "TEXT", "a text"), NULL, false},
    {{.name = "list", .argument = "TEXT", .help = "texts", .repeatable = true}, take_list, false},
};
static const struct setting_table table = {"some_program", rows, 3};
enum { NUMBER, TEXT, LIST };

static char path[] = "/tmp/vsa-settings-XXXXXX";
static struct arguments arguments;
static struct arguments overruled;
static settings_set set;
static char *text;

static int set_up(void **state)
{
    (void)state;
    arguments = (struct arguments){0};
    overruled = (struct arguments){0};
    set = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(text);
    text = NULL;
    return 0;
}

static enum vsa_status read_text(const char *content, struct vsa_error *error)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(text);
    text = NULL;
    return settings_read_file(&table, path, &arguments, &overruled, &text, &set, error);
}

static void test_options(void **state)
{
    struct program_option options[SETTINGS_MAX + 1];
    (void)state;
    settings_options(&table, 64, options);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(options[i].name, rows[i].row.name);
        assert_int_equal(options[i].key, 64 + i);
        assert_int_equal(options[i].kind, OPTION_TAKE);
    }
    assert_null(options[3].name);
}

static void test_command_line(void **state)
{
    struct vsa_error error = {0};
    (void)state;
    assert_int_equal(settings_take(&table, NUMBER, "10", &arguments, &set, &error),
                     VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "--number: '10'"));
    assert_int_equal(set, 0);
    assert_int_equal(settings_take(&table, LIST, "a", &arguments, &set, &error), VSA_OK);
    assert_int_equal(settings_take(&table, LIST, "b", &arguments, &set, &error), VSA_OK);
    assert_string_equal(arguments.list, "ab");
    assert_string_equal(arguments.what, "option");
    assert_int_equal(set, 1 << LIST);
    assert_false(settings_any_only_server(&table, set));
    assert_int_equal(settings_take(&table, NUMBER, "9", &arguments, &set, &error), VSA_OK);
    assert_int_equal(arguments.number, 9);
    assert_true(settings_any_only_server(&table, set));
}

static void test_file(void **state)
{
    (void)state;
    assert_int_equal(read_text("number = 3\ntext = x y\nlist = a\nlist = b\n", NULL), VSA_OK);
    assert_int_equal(arguments.number, 3);
    assert_string_equal(arguments.text, "x y");
    assert_string_equal(arguments.list, "ab");
    assert_string_equal(arguments.what, "name");
    assert_int_equal(set, 7);
}

/* What the command line has said stands; what the file says of it is still checked. */
static void test_command_line_wins(void **state)
{
    struct vsa_error error = {0};
    (void)state;
    assert_int_equal(settings_take(&table, NUMBER, "9", &arguments, &set, NULL), VSA_OK);
    assert_int_equal(settings_take(&table, LIST, "c", &arguments, &set, NULL), VSA_OK);
    assert_int_equal(read_text("number = 3\nlist = a\ntext = z\n", NULL), VSA_OK);
    assert_int_equal(arguments.number, 9);
    assert_string_equal(arguments.list, "c");
    assert_string_equal(arguments.text, "z");
    assert_int_equal(overruled.number, 3);
    assert_int_equal(read_text("number = 10\n", &error), VSA_ERR_ARGUMENT);
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *content;
        const char *words;
    } mistakes[] = {
        {"no-such = 1\n", ":1: there is no setting 'no-such' (see some_program(1))"},
        {"number = 1\nnumber = 2\n", ":2: 'number' is set twice"},
        {"\ntext =\n", ":2: 'text' has no value"},
        {"number = x\n", ":1: number: 'x'"},
        {"list = bad\n", ":1: list: bad"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct vsa_error error = {0};
        assert_int_equal(read_text(mistakes[i].content, &error), VSA_ERR_ARGUMENT);
        if (!strstr(error.detail, mistakes[i].words))
            fail_msg("%zu: %s", i, error.detail);
        assert_int_equal(set, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_command_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_command_line_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mistakes, set_up, tear_down),
    };
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    (void)close(fd);
    int failed = cmocka_run_group_tests_name("settings", tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
