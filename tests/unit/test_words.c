/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "command_line/words.h"

#define MOST 4

static void test_words(void **state)
{
    static const struct {
        const char *line;
        size_t count;
        const char *joined; /* by '|' */
    } rows[] = {
        {"", 0, ""},
        {" \t\r\n", 0, ""},
        {"one", 1, "one"},
        {" one\ttwo \r\n", 2, "one|two"},
        {"a \"b c\" d\n", 3, "a|b c|d"},
        {"a \"\" b", 3, "a||b"},
        {"x\"y z\"w", 1, "xy zw"},
        {"\"not closed ", 1, "not closed "},
        {"a b c d", 4, "a|b|c|d"},
        {"a b c d e f", 4, "a|b|c|d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[40];
        char joined[40] = "";
        char *words[MOST];
        strcpy(line, rows[i].line);
        size_t count = words_split(line, words, MOST);
        for (size_t j = 0; j < count; j++) {
            strcat(joined, j ? "|" : "");
            strcat(joined, words[j]);
        }
        if (count != rows[i].count || strcmp(joined, rows[i].joined) != 0)
            fail_msg("%zu: %zu words: %s", i, count, joined);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
