/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/words.h"

#include <stdbool.h>
#include <string.h>

static const char blanks[] = " \t\r\n";

size_t words_split(char *line, char **words, size_t most)
{
    size_t count = 0;
    char *from = line;
    char *to = line;
    while (count < most) {
        bool quoted = false;
        from += strspn(from, blanks);
        if (*from == '\0')
            break;
        words[count++] = to;
        for (; *from && (quoted || !strchr(blanks, *from)); from++) {
            if (*from == '"')
                quoted = !quoted;
            else
                *to++ = *from;
        }
        if (*from)
            from++;
        *to++ = '\0';
    }
    return count;
}
