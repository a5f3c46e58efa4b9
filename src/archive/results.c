/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/results.h"

#include <stdio.h>

#include "archive/lines.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/slice.h"
#include "json/writer.h"
#include <vsattest/report.h>

/* How every line begins, so that progress is read without parsing JSON. */
#define BEGIN_ENTRY  "{\"entry\":"
#define BEGIN_STATUS ",\"verification_status\":\""

char *vsa_archive_result_line(const struct vsa_archive_entry *entry,
                              const struct vsa_archive_request *request,
                              const struct vsa_claims *claims)
{
    VSA_AUTO_JSON json_t *result =
        claims ? vsa_claims_to_json(claims) : vsa_error_to_json(&entry->error);
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "entry", json_integer((json_int_t)entry->index));
    vsa_json_put(&writer, "verification_status", json_string(claims ? "SUCCESS" : "FAILED"));
    if (entry->name)
        vsa_json_put(&writer, "file", vsa_json_text_or_null(vsa_slice_of_text(entry->name)));
    if (request->id)
        vsa_json_put(&writer, "id", json_incref(request->id));
    if (claims && request->document_time)
        vsa_json_put(&writer, "at_document_time", json_true());
    VSA_AUTO_JSON json_t *line = vsa_json_finish(&writer);
    if (!result || !line || json_object_update_missing(line, result) != 0)
        return NULL;
    return json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
}

static bool take_text(struct vsa_slice *line, const char *text)
{
    size_t size = strlen(text);
    if (line->size < size || memcmp(line->data, text, size) != 0)
        return false;
    *line = vsa_slice_of(line->data + size, line->size - size);
    return true;
}

static bool take_number(struct vsa_slice *line, uint64_t expected)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)expected);
    return take_text(line, text);
}

/* Takes the code of a failure out of a line, or VSA_ERR_INTERNAL. */
static enum vsa_status status_of(struct vsa_slice line)
{
    static const char key[] = "\"error_code\":\"";
    char code[64];
    const uint8_t *found = memmem(line.data, line.size, key, sizeof(key) - 1);
    if (!found)
        return VSA_ERR_INTERNAL;
    found += sizeof(key) - 1;
    size_t left = line.size - (size_t)(found - line.data);
    const uint8_t *quote = memchr(found, '"', left);
    if (!quote || (size_t)(quote - found) >= sizeof(code))
        return VSA_ERR_INTERNAL;
    memcpy(code, found, (size_t)(quote - found));
    code[quote - found] = '\0';
    return vsa_status_from_code(code);
}

/* Counts the result of the next entry. */
static enum vsa_status count_line(struct vsa_slice line, struct vsa_archive_progress *progress,
                                  vsa_archive_count *count, void *context, struct vsa_error *error)
{
    struct vsa_slice rest = line;
    bool is_result = take_text(&rest, BEGIN_ENTRY) && take_number(&rest, progress->entries) &&
                     take_text(&rest, BEGIN_STATUS);
    bool failed = is_result && take_text(&rest, "FAILED\"");
    if (!failed && !(is_result && take_text(&rest, "SUCCESS\"")))
        return vsa_fail(error, VSA_ERR_JSON,
                        "line %llu is not the result of entry %llu: not a file of results, or "
                        "changed since",
                        (unsigned long long)progress->entries + 1,
                        (unsigned long long)progress->entries);
    progress->entries++;
    count(context, failed ? status_of(rest) : VSA_OK);
    return VSA_OK;
}

enum vsa_status vsa_archive_progress_read(int fd, struct vsa_archive_progress *progress,
                                          vsa_archive_count *count, void *context,
                                          struct vsa_error *error)
{
    *progress = (struct vsa_archive_progress){.entries = 0};
    VSA_AUTO_FREE struct vsa_lines *lines = malloc(sizeof(*lines));
    if (!lines)
        return vsa_fail_memory(error);
    vsa_lines_init(lines, fd, -1);
    for (;;) {
        struct vsa_slice line;
        bool has_end = false;
        VSA_TRY(vsa_lines_next(lines, &line, &has_end, error));
        if (!has_end)
            return VSA_OK;
        VSA_TRY(count_line(line, progress, count, context, error));
        progress->size = lines->offset;
    }
}
