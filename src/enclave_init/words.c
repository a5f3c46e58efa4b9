/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave_init/words.h"

#include <stddef.h>
#include <string.h>

static bool is_space(char c)
{
    return c != '\0' && strchr(" \t\r\n", c) != NULL;
}

/* Returns the end of the word that begins at `word`: linux lib/cmdline.c next_arg(). */
static const char *end_of_word(const char *word)
{
    bool quoted = false;
    for (; *word && (quoted || !is_space(*word)); word++)
        if (*word == '"')
            quoted = !quoted;
    return word;
}

bool words_have(const char *command_line, const char *word)
{
    size_t length = strlen(word);
    for (const char *c = command_line; *c;) {
        if (is_space(*c)) {
            c++;
            continue;
        }
        const char *end = end_of_word(c);
        if ((size_t)(end - c) == length && memcmp(c, word, length) == 0)
            return true;
        c = end;
    }
    return false;
}
