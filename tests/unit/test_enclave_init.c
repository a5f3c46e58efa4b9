/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of PID 1 that need no enclave: its input files, kernel words, the restart policy. */
#include "unit_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enclave_init/lines.h"
#include "enclave_init/restart.h"
#include "enclave_init/user.h"
#include "enclave_init/words.h"

static struct lines lines;

static const char *parse(const char *text, size_t size)
{
    memset(lines.text, 'x', sizeof(lines.text));
    memcpy(lines.text, text, size);
    return lines_parse(&lines, size);
}

static void command_lines(void **state)
{
    (void)state;
    assert_null(parse("/app/server\n--vsock\n9000\n", 25));
    assert_int_equal(lines.count, 3);
    assert_string_equal(lines.items[0], "/app/server");
    assert_string_equal(lines.items[1], "--vsock");
    assert_string_equal(lines.items[2], "9000");
    assert_null(lines.items[3]);
    /* No newline at the end; an empty argument; spaces belong to the argument. */
    assert_null(parse("a\n\n b c", 7));
    assert_int_equal(lines.count, 3);
    assert_string_equal(lines.items[1], "");
    assert_string_equal(lines.items[2], " b c");
    assert_null(parse("", 0));
    assert_int_equal(lines.count, 0);
    assert_null(lines.items[0]);
    assert_null(parse("\n", 1));
    assert_int_equal(lines.count, 1);
    assert_string_equal(lines.items[0], "");
}

static void bad_lines(void **state)
{
    (void)state;
    assert_string_equal(parse("a\0b\n", 4), "the file holds a NUL character");
    assert_string_equal(lines_parse(&lines, LINES_MAX_BYTES + 1), "the file is too large");
    memset(lines.text, 'x', LINES_MAX_BYTES);
    assert_null(lines_parse(&lines, LINES_MAX_BYTES));
    assert_int_equal(strlen(lines.items[0]), LINES_MAX_BYTES);
    memset(lines.text, '\n', LINES_MAX_ITEMS + 1);
    assert_null(lines_parse(&lines, LINES_MAX_ITEMS));
    assert_int_equal(lines.count, LINES_MAX_ITEMS);
    memset(lines.text, '\n', LINES_MAX_ITEMS + 1);
    assert_string_equal(lines_parse(&lines, LINES_MAX_ITEMS + 1), "the file has too many lines");
}

static void environment(void **state)
{
    (void)state;
    assert_null(parse("PATH=/bin\nEMPTY=\nA=b=c\n", 23));
    assert_null(lines_check_environment(&lines));
    assert_null(parse("", 0));
    assert_null(lines_check_environment(&lines));
    assert_null(parse("A=1\nB\n", 6));
    assert_string_equal(lines_check_environment(&lines), "a line is not NAME=VALUE");
    assert_null(parse("=x\n", 3));
    assert_string_equal(lines_check_environment(&lines), "a line is not NAME=VALUE");
    assert_null(parse("A=1\n\n", 5));
    assert_string_equal(lines_check_environment(&lines), "a line is not NAME=VALUE");
}

static void users(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "\n",
        "1000",
        "1000\n",
        "1000:",
        "1000:\n",
        ":1000\n",
        "0:0\n",
        "1000:0\n",
        "0:1000\n",
        "1:2\n\n",
        "1:2:3\n",
        " 1:2\n",
        "1:2 \n",
        "-1:2\n",
        "+1:2\n",
        "01:2\n",
        "1:02\n",
        "4294967295:1\n",
        "1:4294967295\n",
        "a:b\n",
        "1:2",
        "99999999999:1\n",
    };
    struct user user = {7, 8};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        /* Exactly so many bytes: nothing behind them may be read. */
        char *text = malloc(strlen(bad[i]) ? strlen(bad[i]) : 1);
        assert_non_null(text);
        memcpy(text, bad[i], strlen(bad[i]));
        const char *problem = user_parse(text, strlen(bad[i]), &user);
        if (!problem || strcmp(problem, "the file is not UID:GID, both from 1 to 4294967294") != 0)
            fail_msg("'%s'", bad[i]);
        free(text);
    }
    assert_int_equal(user.uid, 7);
    assert_int_equal(user.gid, 8);
    assert_null(user_parse("1000:100\n", 9, &user));
    assert_int_equal(user.uid, 1000);
    assert_int_equal(user.gid, 100);
    assert_null(user_parse("4294967294:4294967294\n", USER_MAX_BYTES - 1, &user));
    assert_int_equal(user.uid, 4294967294);
    assert_int_equal(user.gid, 4294967294);
}

static void kernel_words(void **state)
{
    (void)state;
    assert_string_equal(WORD_NO_HEARTBEAT, "enclave_init.heartbeat=off");
    static const struct {
        const char *command_line;
        bool expected;
    } rows[] = {
        {"", false},
        {"console=ttyS0 panic=30", false},
        {"enclave_init.heartbeat=off", true},
        {"enclave_init.heartbeat=off\n", true},
        {"console=ttyS0  enclave_init.heartbeat=off panic=30", true},
        {"\tenclave_init.heartbeat=off\t", true},
        {"enclave_init.heartbeat=offline", false},
        {"enclave_init.heartbeat=on", false},
        {"xenclave_init.heartbeat=off", false},
        {"enclave_init.heartbeat", false},
        {"x=\"a enclave_init.heartbeat=off b\"", false},
        {"x=\"a b\" enclave_init.heartbeat=off", true},
        {"x=\"unended enclave_init.heartbeat=off", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (words_have(rows[i].command_line, WORD_NO_HEARTBEAT) != rows[i].expected)
            fail_msg("'%s'", rows[i].command_line);
}

/* Wait statuses as Linux makes them. */
#define EXITED(status) ((status) << 8)
#define KILLED(number) (number)

static void gives_up_after_five_restarts(void **state)
{
    (void)state;
    static const int delays[] = {250, 500, 1000, 2000, 4000};
    struct restart_state restarts = {0};
    int delay_ms = -1;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(restart_decide(&restarts, false, EXITED(1), 10, &delay_ms), RESTART_AGAIN);
        assert_int_equal(delay_ms, delays[i]);
        assert_int_equal(restarts.failures, i + 1);
    }
    assert_int_equal(restart_decide(&restarts, false, KILLED(9), 10, &delay_ms), RESTART_GIVE_UP);
    assert_int_equal(restart_decide(&restarts, false, KILLED(9), 59999, &delay_ms),
                     RESTART_GIVE_UP);
}

static void a_long_run_starts_a_new_row(void **state)
{
    (void)state;
    struct restart_state restarts = {.failures = RESTART_MAX};
    int delay_ms = -1;
    assert_int_equal(restart_decide(&restarts, false, KILLED(11), 60000, &delay_ms), RESTART_AGAIN);
    assert_int_equal(delay_ms, 250);
    assert_int_equal(restarts.failures, 1);
}

static void ends_when_finished_or_stopped(void **state)
{
    (void)state;
    struct restart_state restarts = {0};
    int delay_ms = -1;
    assert_int_equal(restart_decide(&restarts, false, EXITED(0), 10, &delay_ms), RESTART_DONE);
    assert_int_equal(restart_decide(&restarts, true, EXITED(1), 10, &delay_ms), RESTART_DONE);
    assert_int_equal(restart_decide(&restarts, true, KILLED(9), 10, &delay_ms), RESTART_DONE);
    assert_int_equal(restarts.failures, 0);
    assert_int_equal(delay_ms, 0);
}

static void descriptions(void **state)
{
    (void)state;
    char text[96];
    assert_string_equal(restart_describe(EXITED(3), text, sizeof(text)), "exited with status 3");
    assert_string_equal(restart_describe(KILLED(9), text, sizeof(text)),
                        "was killed by signal 9 (Killed)");
    assert_string_equal(restart_describe(KILLED(11) | 0x80, text, sizeof(text)),
                        "was killed by signal 11 (Segmentation fault)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines),
        cmocka_unit_test(bad_lines),
        cmocka_unit_test(environment),
        cmocka_unit_test(users),
        cmocka_unit_test(kernel_words),
        cmocka_unit_test(gives_up_after_five_restarts),
        cmocka_unit_test(a_long_run_starts_a_new_row),
        cmocka_unit_test(ends_when_finished_or_stopped),
        cmocka_unit_test(descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
