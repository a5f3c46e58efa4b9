/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"

/* --- opening ---------------------------------------------------------------------------------- */

static enum vsa_status open_directory(struct vsa_archive_source *source, struct vsa_error *error)
{
    source->kind = VSA_ARCHIVE_DIRECTORY;
    VSA_TRY(vsa_name_list_of(source->fd, NULL, VSA_MAX_ARCHIVE_ENTRIES, &source->names, error));
    source->total = source->names.count;
    return VSA_OK;
}

static enum vsa_status open_tar(struct vsa_archive_source *source, const char *path,
                                struct vsa_error *error)
{
    source->kind = VSA_ARCHIVE_TAR;
    VSA_TRY(vsa_whole_file_of(source->fd, path, &source->file, error));
    source->tar = (struct vsa_tar){vsa_whole_file_slice(&source->file), 0};
    source->tar_entry = malloc(sizeof(*source->tar_entry));
    return source->tar_entry ? VSA_OK : vsa_fail_memory(error);
}

static enum vsa_status open_lines(struct vsa_archive_source *source, struct vsa_error *error)
{
    source->kind = VSA_ARCHIVE_LINES;
    source->lines = malloc(sizeof(*source->lines));
    if (!source->lines)
        return vsa_fail_memory(error);
    vsa_lines_init(source->lines, source->fd, source->stop_fd);
    return VSA_OK;
}

enum vsa_status vsa_archive_source_open(const char *path, struct vsa_archive_source *source,
                                        struct vsa_error *error)
{
    uint8_t head[512];
    struct stat stat;
    *source = (struct vsa_archive_source){.fd = STDIN_FILENO};
    source->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (source->stop_fd < 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot make an eventfd: %s", strerror(errno));
    if (strcmp(path, "-") == 0)
        return open_lines(source, error);
    source->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0 || fstat(source->fd, &stat) != 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot open the archive '%.120s': %s", path,
                        strerror(errno));
    if (S_ISDIR(stat.st_mode))
        return open_directory(source, error);
    if (!S_ISREG(stat.st_mode))
        return open_lines(source, error);
    source->total = (uint64_t)stat.st_size;
    ssize_t size = pread(source->fd, head, sizeof(head), 0);
    if (size > 0 && vsa_tar_is_archive(vsa_slice_of(head, (size_t)size)))
        return open_tar(source, path, error);
    return open_lines(source, error);
}

void vsa_archive_source_close(struct vsa_archive_source *source)
{
    vsa_name_list_close(&source->names);
    free(source->lines);
    free(source->tar_entry);
    vsa_whole_file_close(&source->file);
    if (source->fd > STDERR_FILENO)
        (void)close(source->fd);
    if (source->stop_fd >= 0)
        (void)close(source->stop_fd);
    *source = (struct vsa_archive_source){.fd = -1, .stop_fd = -1};
}

void vsa_archive_source_stop(const struct vsa_archive_source *source)
{
    /* It can only fail where it is readable already. */
    (void)!eventfd_write(source->stop_fd, 1);
}

/* --- entries ---------------------------------------------------------------------------------- */

/* Makes room for what is read; the entry is used after the next one was read. */
static enum vsa_status make_room(struct vsa_archive_entry *entry, uint64_t size)
{
    if (size > VSA_MAX_ARCHIVE_LINE)
        return vsa_fail(&entry->error, VSA_ERR_TOO_LARGE,
                        "%llu bytes: a saved document has at most %d", (unsigned long long)size,
                        VSA_MAX_ARCHIVE_LINE);
    entry->bytes = malloc((size_t)size + 1);
    return entry->bytes ? VSA_OK : vsa_fail_memory(&entry->error);
}

static enum vsa_status keep_bytes(struct vsa_archive_entry *entry, struct vsa_slice bytes)
{
    VSA_TRY(make_room(entry, bytes.size));
    if (bytes.size)
        memcpy(entry->bytes, bytes.data, bytes.size);
    entry->size = bytes.size;
    return VSA_OK;
}

static bool next_line(struct vsa_archive_source *source, struct vsa_archive_entry *entry)
{
    struct vsa_slice line;
    entry->is_line = true;
    entry->status = vsa_lines_next(source->lines, &line, NULL, &entry->error);
    source->done = source->lines->offset;
    if (entry->status == VSA_ERR_LINE_TOO_LONG)
        return true;
    if (entry->status != VSA_OK) {
        source->ended = true;
        return entry->status != VSA_ERR_SHUTTING_DOWN;
    }
    if (!line.data)
        return false;
    entry->status = keep_bytes(entry, line);
    return true;
}

static enum vsa_status read_file(const struct vsa_archive_source *source, const char *name,
                                 struct vsa_archive_entry *entry)
{
    struct stat stat;
    struct vsa_error *error = &entry->error;
    /* A pipe without a writer must not stop all that follows. */
    VSA_AUTO_FD int fd = openat(source->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &stat) != 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot open the file: %s", strerror(errno));
    if (!S_ISREG(stat.st_mode))
        return vsa_fail(error, VSA_ERR_IO, "not a regular file");
    VSA_TRY(make_room(entry, (uint64_t)stat.st_size));
    return vsa_whole_file_fill(fd, name, entry->bytes, (size_t)stat.st_size, &entry->size, error);
}

static bool next_file(struct vsa_archive_source *source, struct vsa_archive_entry *entry)
{
    if (source->done == source->names.count)
        return false;
    const char *name = source->names.names[source->done++];
    entry->name = strdup(name);
    entry->status = entry->name ? read_file(source, name, entry) : vsa_fail_memory(&entry->error);
    return true;
}

/* Reads the next file. Behind a damaged header none can be found: that is the last entry. */
static bool next_member(struct vsa_archive_source *source, struct vsa_archive_entry *entry)
{
    bool found = true;
    do
        entry->status = vsa_tar_read(&source->tar, source->tar_entry, &found, &entry->error);
    while (entry->status == VSA_OK && found && source->tar_entry->kind == VSA_TAR_DIRECTORY);
    source->done = source->tar.offset;
    if (entry->status != VSA_OK) {
        const struct vsa_error reason = entry->error;
        source->ended = true;
        entry->status =
            vsa_fail_at(&entry->error, VSA_ERR_IO, reason.offset, reason.rule,
                        "the rest of the tar archive cannot be read: %.150s", reason.detail);
        return true;
    }
    if (!found)
        return false;
    entry->name = strdup(source->tar_entry->path);
    if (!entry->name)
        entry->status = vsa_fail_memory(&entry->error);
    else if (source->tar_entry->kind != VSA_TAR_FILE)
        entry->status = vsa_fail(&entry->error, VSA_ERR_IO, "not a regular file");
    else
        entry->status = keep_bytes(entry, source->tar_entry->data);
    return true;
}

bool vsa_archive_source_next(struct vsa_archive_source *source, struct vsa_archive_entry *entry)
{
    *entry = (struct vsa_archive_entry){.index = source->next_index};
    if (source->ended)
        return false;
    bool found = source->kind == VSA_ARCHIVE_LINES       ? next_line(source, entry)
                 : source->kind == VSA_ARCHIVE_DIRECTORY ? next_file(source, entry)
                                                         : next_member(source, entry);
    source->ended = source->ended || !found;
    source->next_index += found ? 1 : 0;
    entry->position = source->done;
    return found;
}
