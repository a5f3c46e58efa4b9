/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/settings_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "file/whole_file.h"
#include <vsattest/limits.h>

struct reading {
    enum vsa_status (*take)(void *user, const char *name, const char *value,
                            struct vsa_error *error);
    void *user;
};

/* Spaces, tabs, and what some editors put before a newline. */
static const char blanks[] = " \t\r";

/* Returns the text without the blanks at both ends; changes it. */
static char *trim(char *text)
{
    text += strspn(text, blanks);
    char *end = text + strlen(text);
    while (end > text && strchr(blanks, end[-1]))
        *--end = '\0';
    return text;
}

static enum vsa_status take_line(const struct reading *reading, char *line, struct vsa_error *error)
{
    char *name = trim(line);
    if (*name == '\0' || *name == '#')
        return VSA_OK;
    for (const char *c = name; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return vsa_fail(error, VSA_ERR_ARGUMENT, "a control character");
    char *sign = strchr(name, '=');
    if (!sign)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "expected 'name = value', or # before a comment");
    *sign = '\0';
    return reading->take(reading->user, trim(name), trim(sign + 1), error);
}

static enum vsa_status take_lines(const char *path, const struct reading *reading, char *text,
                                  size_t size, struct vsa_error *error)
{
    size_t number = 1;
    char *end = text + size;
    for (char *line = text; line < end; number++) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        char *next = newline ? newline + 1 : end;
        if (newline)
            *newline = '\0';
        enum vsa_status status = line + strlen(line) < (newline ? newline : end)
                                     ? vsa_fail(error, VSA_ERR_ARGUMENT, "a NUL character")
                                     : take_line(reading, line, error);
        if (status != VSA_OK) {
            vsa_error_wrap(error, "%.120s:%zu", path, number);
            return status;
        }
        line = next;
    }
    return VSA_OK;
}

enum vsa_status settings_file_read(const char *path, char **text,
                                   enum vsa_status (*take)(void *user, const char *name,
                                                           const char *value,
                                                           struct vsa_error *error),
                                   void *user, struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file bytes = {NULL, 0, false};
    const struct reading reading = {take, user};
    VSA_TRY(vsa_whole_file_read(path, VSA_MAX_CONFIG_FILE, &bytes, error));
    /* One NUL more, so that the last value ends as all others do. */
    *text = malloc(bytes.size + 1);
    if (!*text)
        return vsa_fail_memory(error);
    memcpy(*text, bytes.data, bytes.size);
    (*text)[bytes.size] = '\0';
    return take_lines(path, &reading, *text, bytes.size, error);
}
