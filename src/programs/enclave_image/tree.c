/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_image/tree.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"

#define FIRST_CAPACITY 64

void image_tree_free(struct image_tree *tree)
{
    for (size_t i = 0; i < 2 * tree->count; i++)
        free(tree->owned[i]);
    free(tree->owned);
    free(tree->entries);
    *tree = (struct image_tree){.entries = NULL};
}

static enum vsa_status no_memory(struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_MEMORY, VSA_NO_OFFSET, NULL, "out of memory");
}

static enum vsa_status reserve(struct image_tree *tree, struct vsa_error *error)
{
    if (tree->count < tree->capacity)
        return VSA_OK;
    if (tree->count >= VSA_MAX_ARCHIVE_ENTRIES)
        return vsa_fail(error, VSA_ERR_TOO_MANY, VSA_NO_OFFSET, NULL,
                        "more than %d files and folders", VSA_MAX_ARCHIVE_ENTRIES);
    size_t capacity = tree->capacity ? 2 * tree->capacity : FIRST_CAPACITY;
    struct vsa_cpio_entry *larger = realloc(tree->entries, capacity * sizeof(*larger));
    if (!larger)
        return no_memory(error);
    tree->entries = larger;
    void **more = realloc(tree->owned, 2 * capacity * sizeof(*more));
    if (!more)
        return no_memory(error);
    tree->owned = more;
    tree->capacity = capacity;
    return VSA_OK;
}

/* Takes over `data`, also on failure. */
static enum vsa_status add(struct image_tree *tree, const char *path, size_t length,
                           enum vsa_cpio_kind kind, unsigned permissions, struct file_bytes *data,
                           struct vsa_error *error)
{
    char *copy = strndup(path, length);
    enum vsa_status status = copy ? reserve(tree, error) : no_memory(error);
    if (status == VSA_OK && tree->total + data->size > VSA_MAX_IMAGE)
        status = vsa_fail(error, VSA_ERR_TOO_LARGE, VSA_NO_OFFSET, NULL,
                          "the files have more than %lld bytes together", VSA_MAX_IMAGE);
    if (status != VSA_OK) {
        free(copy);
        file_bytes_free(data);
        return status;
    }
    tree->total += data->size;
    tree->owned[2 * tree->count] = copy;
    tree->owned[2 * tree->count + 1] = data->data;
    tree->entries[tree->count++] =
        (struct vsa_cpio_entry){copy, kind, permissions, file_bytes_slice(data)};
    *data = (struct file_bytes){NULL, 0};
    return VSA_OK;
}

static bool has_folder(const struct image_tree *tree, const char *path, size_t length)
{
    for (size_t i = tree->count; i > 0; i--) {
        const struct vsa_cpio_entry *entry = &tree->entries[i - 1];
        if (entry->kind == VSA_CPIO_DIRECTORY && strncmp(entry->path, path, length) == 0 &&
            !entry->path[length])
            return true;
    }
    return false;
}

/* The folder of the first `length` characters and those above it, unless it is there already. */
static enum vsa_status add_folders(struct image_tree *tree, const char *path, size_t length,
                                   struct vsa_error *error)
{
    struct file_bytes none = {NULL, 0};
    if (has_folder(tree, path, length))
        return VSA_OK;
    for (size_t end = 1; end <= length; end++)
        if ((end == length || path[end] == '/') && !has_folder(tree, path, end))
            VSA_TRY(add(tree, path, end, VSA_CPIO_DIRECTORY, 0755, &none, error));
    return VSA_OK;
}

static enum vsa_status add_with_folders(struct image_tree *tree, const char *path,
                                        enum vsa_cpio_kind kind, unsigned permissions,
                                        struct file_bytes *data, struct vsa_error *error)
{
    const char *slash = strrchr(path, '/');
    enum vsa_status status =
        slash ? add_folders(tree, path, (size_t)(slash - path), error) : VSA_OK;
    if (status != VSA_OK) {
        file_bytes_free(data);
        return status;
    }
    return add(tree, path, strlen(path), kind, permissions, data, error);
}

enum vsa_status image_tree_add_folder(struct image_tree *tree, const char *path,
                                      struct vsa_error *error)
{
    return add_folders(tree, path, strlen(path), error);
}

enum vsa_status image_tree_add_bytes(struct image_tree *tree, const char *path,
                                     unsigned permissions, struct vsa_slice bytes,
                                     struct vsa_error *error)
{
    struct file_bytes copy = {malloc(bytes.size + 1), bytes.size};
    if (!copy.data)
        return no_memory(error);
    memcpy(copy.data, bytes.data, bytes.size);
    return add_with_folders(tree, path, VSA_CPIO_FILE, permissions, &copy, error);
}

static enum vsa_status copy_file(struct image_tree *tree, const char *path, const char *source,
                                 mode_t mode, struct vsa_error *error)
{
    struct file_bytes contents;
    VSA_TRY(files_read(source, UINT32_MAX, &contents, error));
    unsigned permissions = mode & S_IXUSR ? 0755 : 0644;
    return add_with_folders(tree, path, VSA_CPIO_FILE, permissions, &contents, error);
}

static enum vsa_status copy_link(struct image_tree *tree, const char *path, const char *source,
                                 struct vsa_error *error)
{
    struct file_bytes target = {malloc(VSA_MAX_ARCHIVE_PATH), 0};
    if (!target.data)
        return no_memory(error);
    ssize_t size = readlink(source, (char *)target.data, VSA_MAX_ARCHIVE_PATH);
    if (size <= 0 || size >= VSA_MAX_ARCHIVE_PATH) {
        file_bytes_free(&target);
        return vsa_fail(error, VSA_ERR_IO, VSA_NO_OFFSET, NULL, "cannot read the link %.160s",
                        source);
    }
    target.size = (size_t)size;
    return add_with_folders(tree, path, VSA_CPIO_SYMLINK, 0777, &target, error);
}

/* One entry of the walk: where it is below `source` decides where it goes below `path`. */
static enum vsa_status copy_entry(struct image_tree *tree, const char *path, const char *source,
                                  const FTSENT *found, struct vsa_error *error)
{
    char target[VSA_MAX_ARCHIVE_PATH];
    const char *rest = found->fts_path + strlen(source);
    if (snprintf(target, sizeof(target), "%s%s%s", path, *rest && *rest != '/' ? "/" : "", rest) >=
        (int)sizeof(target))
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "%.160s: the path is too long", found->fts_path);
    switch (found->fts_info) {
    case FTS_D:
        return image_tree_add_folder(tree, target, error);
    case FTS_DP:
        return VSA_OK;
    case FTS_F:
        return copy_file(tree, target, found->fts_path, found->fts_statp->st_mode, error);
    case FTS_SL:
    case FTS_SLNONE:
        return copy_link(tree, target, found->fts_path, error);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return vsa_fail(error, VSA_ERR_IO, VSA_NO_OFFSET, NULL, "cannot read %.160s: %s",
                        found->fts_path, strerror(found->fts_errno));
    default:
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "%.160s is neither a file nor a folder nor a link", found->fts_path);
    }
}

enum vsa_status image_tree_add_copy(struct image_tree *tree, const char *path, const char *source,
                                    struct vsa_error *error)
{
    char *roots[] = {strdup(source), NULL};
    FTS *walk = roots[0] ? fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL) : NULL;
    enum vsa_status status = walk ? VSA_OK : no_memory(error);
    errno = 0;
    for (const FTSENT *found; status == VSA_OK && (found = fts_read(walk)) != NULL;)
        status = copy_entry(tree, path, source, found, error);
    if (status == VSA_OK && errno != 0)
        status = vsa_fail(error, VSA_ERR_IO, VSA_NO_OFFSET, NULL, "cannot read %.160s: %s", source,
                          strerror(errno));
    if (walk)
        (void)fts_close(walk);
    free(roots[0]);
    return status;
}

static const struct vsa_cpio_entry *find(const struct image_tree *tree, const char *path,
                                         size_t length)
{
    for (size_t i = 0; i < tree->count; i++)
        if (strncmp(tree->entries[i].path, path, length) == 0 && !tree->entries[i].path[length])
            return &tree->entries[i];
    return NULL;
}

struct vsa_slice image_tree_file(const struct image_tree *tree, const char *path)
{
    const struct vsa_cpio_entry *entry = find(tree, path, strlen(path));
    return entry && entry->kind == VSA_CPIO_FILE ? entry->data : vsa_slice_of(NULL, 0);
}

bool image_tree_may_have(const struct image_tree *tree, const char *path)
{
    size_t length = strlen(path);
    for (size_t end = 1; end <= length; end++) {
        if (end < length && path[end] != '/')
            continue;
        const struct vsa_cpio_entry *entry = find(tree, path, end);
        if (!entry)
            return false;
        if (entry->kind == VSA_CPIO_SYMLINK)
            return true;
    }
    return true;
}

enum vsa_status image_tree_archive(struct image_tree *tree, struct file_bytes *archive,
                                   struct vsa_error *error)
{
    vsa_cpio_sort(tree->entries, tree->count);
    VSA_TRY(vsa_cpio_check(tree->entries, tree->count, error));
    size_t size = vsa_cpio_size(tree->entries, tree->count);
    struct vsa_slice written;
    file_bytes_free(archive);
    archive->data = malloc(size);
    archive->size = size;
    if (!archive->data)
        return no_memory(error);
    return vsa_cpio_write(tree->entries, tree->count, archive->data, size, &written, error);
}
