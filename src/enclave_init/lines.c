/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave_init/lines.h"

#include <string.h>

const char *lines_parse(struct lines *lines, size_t size)
{
    lines->count = 0;
    lines->items[0] = NULL;
    if (size > LINES_MAX_BYTES)
        return "the file is too large";
    if (memchr(lines->text, '\0', size))
        return "the file holds a NUL character";
    lines->text[size] = '\0';
    for (char *line = lines->text; line < lines->text + size;) {
        char *end = strchr(line, '\n');
        if (lines->count == LINES_MAX_ITEMS)
            return "the file has too many lines";
        lines->items[lines->count++] = line;
        if (!end)
            break;
        *end = '\0';
        line = end + 1;
    }
    lines->items[lines->count] = NULL;
    return NULL;
}

const char *lines_check_environment(const struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        const char *equals = strchr(lines->items[i], '=');
        if (!equals || equals == lines->items[i])
            return "a line is not NAME=VALUE";
    }
    return NULL;
}
