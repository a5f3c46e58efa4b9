/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cpio.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/builder.h"
#include "base/error.h"

static const char rule_newc[] = "linux buffer-format.rst";

#define TRAILER "TRAILER!!!"
/* "070701" and 13 numbers of 8 hex digits. */
#define NEWC_HEADER_SIZE 110
#define ALIGNMENT        4

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct vsa_cpio_entry *)a)->path,
                  ((const struct vsa_cpio_entry *)b)->path);
}

void vsa_cpio_sort(struct vsa_cpio_entry *entries, size_t count)
{
    if (count)
        qsort(entries, count, sizeof(*entries), compare_paths);
}

/* Returns whether every part between slashes is a name: not empty, not "." and not "..". */
static bool is_plain_path(const char *path)
{
    for (const char *part = path;;) {
        size_t length = strcspn(part, "/");
        bool dots =
            (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.');
        if (length == 0 || dots)
            return false;
        if (!part[length])
            return true;
        part += length + 1;
    }
}

static bool has_directory(const struct vsa_cpio_entry *entries, size_t count, const char *path)
{
    char parent[VSA_MAX_ARCHIVE_PATH];
    const char *slash = strrchr(path, '/');
    if (!slash)
        return true;
    (void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
    struct vsa_cpio_entry key = {.path = parent};
    const struct vsa_cpio_entry *found =
        bsearch(&key, entries, count, sizeof(*entries), compare_paths);
    return found && found->kind == VSA_CPIO_DIRECTORY;
}

static enum vsa_status check_entry(const struct vsa_cpio_entry *entries, size_t index,
                                   struct vsa_error *error)
{
    const struct vsa_cpio_entry *entry = &entries[index];
    if (strlen(entry->path) >= VSA_MAX_ARCHIVE_PATH || !is_plain_path(entry->path) ||
        strcmp(entry->path, TRAILER) == 0)
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, rule_newc,
                           "'%.120s' cannot be a path in a ramdisk", entry->path);
    if (index > 0 && strcmp(entries[index - 1].path, entry->path) >= 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "'%.120s' is in the ramdisk twice, or out of order", entry->path);
    if (!has_directory(entries, index, entry->path))
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, rule_newc,
                           "'%.120s' has no directory to be in", entry->path);
    if (entry->data.size > UINT32_MAX)
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, rule_newc,
                           "'%.120s' has %zu bytes; a ramdisk's file has less than 4 GiB",
                           entry->path, entry->data.size);
    return VSA_OK;
}

enum vsa_status vsa_cpio_check(const struct vsa_cpio_entry *entries, size_t count,
                               struct vsa_error *error)
{
    if (count > VSA_MAX_ARCHIVE_ENTRIES)
        return vsa_fail(error, VSA_ERR_TOO_MANY,
                        "%zu files and directories; a ramdisk has at most %d", count,
                        VSA_MAX_ARCHIVE_ENTRIES);
    for (size_t i = 0; i < count; i++)
        VSA_TRY(check_entry(entries, i, error));
    return VSA_OK;
}

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t entry_size(const char *path, size_t data_size)
{
    return aligned(NEWC_HEADER_SIZE + strlen(path) + 1) + aligned(data_size);
}

size_t vsa_cpio_size(const struct vsa_cpio_entry *entries, size_t count)
{
    size_t size = entry_size(TRAILER, 0);
    for (size_t i = 0; i < count; i++)
        size += entry_size(entries[i].path, entries[i].data.size);
    return size;
}

static unsigned file_type(enum vsa_cpio_kind kind)
{
    switch (kind) {
    case VSA_CPIO_DIRECTORY:
        return 0040000;
    case VSA_CPIO_SYMLINK:
        return 0120000;
    case VSA_CPIO_FILE:
    default:
        return 0100000;
    }
}

static void write_padding(struct vsa_builder *builder)
{
    while (!builder->overflow && builder->size % ALIGNMENT)
        vsa_builder_append_byte(builder, 0);
}

static void write_entry(struct vsa_builder *builder, size_t inode, unsigned mode,
                        const struct vsa_cpio_entry *entry)
{
    size_t name_size = strlen(entry->path) + 1;
    unsigned links = entry->kind == VSA_CPIO_DIRECTORY ? 2 : 1;
    if (entry->links > 1) {
        links = entry->links;
        inode = entry->inode;
    }
    /* In this order; those that stay 0 are owner, group, time and device numbers. */
    const size_t numbers[13] = {inode, mode, 0, 0, links,     0, entry->data.size,
                                0,     0,    0, 0, name_size, 0};
    char header[NEWC_HEADER_SIZE + 1] = "070701";
    for (size_t i = 0; i < 13; i++)
        (void)snprintf(header + 6 + 8 * i, 9, "%08X", (unsigned)numbers[i]);
    vsa_builder_append(builder, vsa_slice_of(header, NEWC_HEADER_SIZE));
    vsa_builder_append(builder, vsa_slice_of(entry->path, name_size));
    write_padding(builder);
    vsa_builder_append(builder, entry->data);
    write_padding(builder);
}

enum vsa_status vsa_cpio_write(const struct vsa_cpio_entry *entries, size_t count, void *buffer,
                               size_t capacity, struct vsa_slice *archive, struct vsa_error *error)
{
    VSA_TRY(vsa_cpio_check(entries, count, error));
    struct vsa_builder builder = vsa_builder_of(buffer, capacity);
    for (size_t i = 0; i < count; i++)
        write_entry(&builder, i + 1, file_type(entries[i].kind) | (entries[i].permissions & 07777),
                    &entries[i]);
    static const struct vsa_cpio_entry trailer = {.path = TRAILER, .kind = VSA_CPIO_FILE};
    write_entry(&builder, 0, 0, &trailer);
    return vsa_builder_finish(&builder, archive, error);
}
