/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/slice.h"

struct status_row {
    enum vsa_status status;
    const char *code;
    const char *text;
};

static const struct status_row status_table[] = {
#define VSA_STATUS_ROW(name, number, code, meaning) {name, code, meaning},
    VSA_STATUS_TABLE(VSA_STATUS_ROW)
#undef VSA_STATUS_ROW
};

#define STATUS_ROWS (sizeof(status_table) / sizeof(status_table[0]))

static const struct status_row *find_status(enum vsa_status status)
{
    for (size_t i = 0; i < STATUS_ROWS; i++)
        if (status_table[i].status == status)
            return &status_table[i];
    return NULL;
}

enum vsa_status_class vsa_status_class(enum vsa_status status)
{
    return find_status(status) ? (enum vsa_status_class)((unsigned)status >> 8)
                               : VSA_CLASS_INTERNAL;
}

const char *vsa_status_code(enum vsa_status status)
{
    const struct status_row *row = find_status(status);
    return row ? row->code : "internal_error";
}

const char *vsa_status_text(enum vsa_status status)
{
    const struct status_row *row = find_status(status);
    return row ? row->text : "unknown status";
}

enum vsa_status vsa_status_from_code(const char *code)
{
    for (size_t i = 0; code && i < STATUS_ROWS; i++)
        if (status_table[i].status != VSA_OK && strcmp(status_table[i].code, code) == 0)
            return status_table[i].status;
    return VSA_ERR_INTERNAL;
}

/* Ends text that snprintf() wrote: nothing if that failed, no half character if it was cut. */
static void end_text(char *text, size_t capacity, int length)
{
    if (length < 0)
        text[0] = '\0';
    else if ((size_t)length >= capacity)
        text[vsa_slice_whole_characters(vsa_slice_of_text(text)).size] = '\0';
}

void vsa_error_set(struct vsa_error *error, enum vsa_status status, size_t offset, const char *rule,
                   const char *format, ...)
{
    if (!error)
        return;
    error->status = status;
    error->offset = offset;
    error->rule = rule;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(error->detail, sizeof(error->detail), format, args);
    end_text(error->detail, sizeof(error->detail), length);
    va_end(args);
}

void vsa_error_wrap(struct vsa_error *error, const char *format, ...)
{
    if (!error)
        return;
    char context[VSA_ERROR_DETAIL];
    char detail[VSA_ERROR_DETAIL];
    va_list args;
    va_start(args, format);
    end_text(context, sizeof(context), vsnprintf(context, sizeof(context), format, args));
    va_end(args);
    memcpy(detail, error->detail, sizeof(detail));
    /* Cutting the end off a sentence that is too long is fine: it is for people. */
    int length = snprintf(error->detail, sizeof(error->detail), "%s: %s", context, detail);
    end_text(error->detail, sizeof(error->detail), length);
}

const char *vsa_error_sentence(const struct vsa_error *error, char *text, size_t capacity)
{
    if (!capacity)
        return text;
    const char *detail = error->detail[0] ? error->detail : vsa_status_text(error->status);
    int length = error->rule ? snprintf(text, capacity, "%s (%s)", detail, error->rule)
                             : snprintf(text, capacity, "%s", detail);
    end_text(text, capacity, length);
    return text;
}

const char *vsa_version(void)
{
    return VSA_VERSION;
}
