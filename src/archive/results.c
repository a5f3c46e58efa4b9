/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/results.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "archive/lines.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/slice.h"
#include "json/writer.h"
#include <vsattest/report.h>

/* How every line begins, so that progress is read without parsing JSON. */
#define BEGIN_ENTRY  "{\"entry\":"
#define BEGIN_STATUS ",\"verification_status\":\""
/* What follows in the first line. */
#define BEGIN_OPTIONS ",\"options\":\""

char *vsa_archive_result_line(const struct vsa_archive_entry *entry,
                              const struct vsa_archive_request *request,
                              const struct vsa_claims *claims, const char *options)
{
    VSA_AUTO_JSON json_t *result =
        claims ? vsa_claims_to_json(claims) : vsa_error_to_json(&entry->error);
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "entry", json_integer((json_int_t)entry->index));
    vsa_json_put(&writer, "verification_status", json_string(claims ? "SUCCESS" : "FAILED"));
    if (options && entry->index == 0)
        vsa_json_put(&writer, "options", json_string(options));
    if (entry->name)
        vsa_json_put(&writer, "file", vsa_json_text_or_null(vsa_slice_of_text(entry->name)));
    if (request->id)
        vsa_json_put(&writer, "id", json_incref(request->id));
    if (claims && request->document_time)
        vsa_json_put(&writer, "at_document_time", json_true());
    VSA_AUTO_JSON json_t *line = vsa_json_finish(&writer);
    if (!result || !line || json_object_update_missing(line, result) != 0)
        return NULL;
    return vsa_json_print(line, JSON_COMPACT | JSON_ENSURE_ASCII);
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

void vsa_archive_tally_add(struct vsa_archive_tally *tally, enum vsa_status status)
{
    tally->entries++;
    tally->verified += status == VSA_OK;
    for (size_t i = 0; i < VSA_ARCHIVE_FAILURES && status != VSA_OK; i++) {
        if (tally->failures[i].count && tally->failures[i].status != status)
            continue;
        tally->failures[i].status = status;
        tally->failures[i].count++;
        return;
    }
}

static enum vsa_status fail_line(const struct vsa_archive_tally *tally, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_JSON,
                    "line %llu is not the result of entry %llu: not a file of results, or changed "
                    "since",
                    (unsigned long long)tally->entries + 1, (unsigned long long)tally->entries);
}

/*
 * Checks what is behind the last newline, and will be cut off: half a line of a result, or nothing.
 * A crash may have left zeros. Any other file that is named by mistake must stay as it is.
 */
static enum vsa_status check_half_line(struct vsa_slice line, const struct vsa_archive_tally *tally,
                                       struct vsa_error *error)
{
    char begin[sizeof(BEGIN_ENTRY BEGIN_STATUS) + 24];
    size_t size = (size_t)snprintf(begin, sizeof(begin), BEGIN_ENTRY "%llu" BEGIN_STATUS,
                                   (unsigned long long)tally->entries);
    while (line.size > 0 && line.data[line.size - 1] == '\0')
        line.size--;
    if (size > line.size)
        size = line.size;
    return size == 0 || memcmp(line.data, begin, size) == 0 ? VSA_OK : fail_line(tally, error);
}

/* Counts the result of the next entry. */
static enum vsa_status count_line(struct vsa_slice line, const char *options,
                                  struct vsa_archive_tally *tally, struct vsa_error *error)
{
    struct vsa_slice rest = line;
    bool is_result = take_text(&rest, BEGIN_ENTRY) && take_number(&rest, tally->entries) &&
                     take_text(&rest, BEGIN_STATUS);
    bool failed = is_result && take_text(&rest, "FAILED\"");
    if (!failed && !(is_result && take_text(&rest, "SUCCESS\"")))
        return fail_line(tally, error);
    struct vsa_slice behind = rest;
    if (options && tally->entries == 0 &&
        !(take_text(&behind, BEGIN_OPTIONS) && take_text(&behind, options) &&
          take_text(&behind, "\"")))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "these results are of a run with other options or another version: repeat "
                        "its options in their order, or name another file");
    vsa_archive_tally_add(tally, failed ? status_of(rest) : VSA_OK);
    return VSA_OK;
}

enum vsa_status vsa_archive_results_read(int fd, const char *options,
                                         struct vsa_archive_tally *tally, uint64_t *size,
                                         struct vsa_error *error)
{
    VSA_AUTO_FREE struct vsa_lines *lines = malloc(sizeof(*lines));
    if (!lines)
        return vsa_fail_memory(error);
    vsa_lines_init(lines, fd, -1);
    *size = 0;
    for (;;) {
        struct vsa_slice line;
        bool has_end = false;
        VSA_TRY(vsa_lines_next(lines, &line, &has_end, error));
        if (!has_end)
            return check_half_line(line, tally, error);
        VSA_TRY(count_line(line, options, tally, error));
        *size = lines->offset;
    }
}

enum vsa_status vsa_archive_results_open(const char *path, const char *options, FILE **file,
                                         struct vsa_archive_tally *tally, struct vsa_error *error)
{
    uint64_t size;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    *file = NULL;
    if (fd < 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot open '%.120s': %s", path, strerror(errno));
    *file = fdopen(fd, "r+");
    if (!*file) {
        (void)close(fd);
        return vsa_fail_memory(error);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return vsa_fail(error, VSA_ERR_IO, "another run writes '%.120s'", path);
    VSA_TRY(vsa_archive_results_read(fd, options, tally, &size, error));
    if (ftruncate(fd, (off_t)size) != 0 || fseeko(*file, 0, SEEK_END) != 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot cut '%.120s': %s", path, strerror(errno));
    return VSA_OK;
}
