/* SPDX-License-Identifier: Apache-2.0 */
#include "image/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"

#define FIRST_CAPACITY 64
/* As Linux: MAXSYMLINKS. */
#define MAX_LINKS 40

static int compare_nodes(const void *a, const void *b)
{
    return strcmp(((const struct vsa_tree_node *)a)->path, ((const struct vsa_tree_node *)b)->path);
}

static void keep(void *node)
{
    (void)node;
}

void vsa_tree_free(struct vsa_tree *tree)
{
    tdestroy(tree->index, keep);
    for (size_t i = 0; i < tree->count; i++) {
        vsa_whole_file_close(&tree->nodes[i]->owned);
        free(tree->nodes[i]);
    }
    free(tree->nodes);
    *tree = (struct vsa_tree){.nodes = NULL};
}

static enum vsa_status no_memory(struct vsa_error *error)
{
    return vsa_fail_memory(error);
}

static enum vsa_status fail_errno(const char *source, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_IO, "cannot read %.160s: %s", source, strerror(errno));
}

/* --- nodes ------------------------------------------------------------------------------------ */

static enum vsa_status reserve(struct vsa_tree *tree, struct vsa_error *error)
{
    if (tree->count < tree->capacity)
        return VSA_OK;
    if (tree->count >= VSA_MAX_ARCHIVE_ENTRIES)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "more than %d files and directories",
                        VSA_MAX_ARCHIVE_ENTRIES);
    size_t capacity = tree->capacity ? 2 * tree->capacity : FIRST_CAPACITY;
    struct vsa_tree_node **larger = realloc(tree->nodes, capacity * sizeof(struct vsa_tree_node *));
    if (!larger)
        return no_memory(error);
    tree->nodes = larger;
    tree->capacity = capacity;
    return VSA_OK;
}

static struct vsa_tree_node *new_node(const char *path, size_t length, enum vsa_cpio_kind kind,
                                      unsigned permissions)
{
    struct vsa_tree_node *node = malloc(sizeof(*node) + length + 1);
    if (!node)
        return NULL;
    *node = (struct vsa_tree_node){.kind = kind, .permissions = permissions};
    memcpy(node->path, path, length);
    node->path[length] = '\0';
    return node;
}

/* Adds a node. vsa_cpio_check() rejects two nodes of one path: the index keeps the first. */
static enum vsa_status add(struct vsa_tree *tree, const char *path, size_t length,
                           enum vsa_cpio_kind kind, unsigned permissions,
                           struct vsa_whole_file *contents, struct vsa_error *error)
{
    VSA_TRY(reserve(tree, error));
    struct vsa_tree_node *node = new_node(path, length, kind, permissions);
    if (!node || !tsearch(node, &tree->index, compare_nodes)) {
        free(node);
        return no_memory(error);
    }
    if (contents) {
        node->owned = *contents;
        node->data = vsa_whole_file_slice(&node->owned);
        *contents = (struct vsa_whole_file){NULL, 0, false};
    }
    tree->nodes[tree->count++] = node;
    return VSA_OK;
}

struct vsa_tree_node *vsa_tree_find(const struct vsa_tree *tree, const char *path, size_t length)
{
    struct vsa_tree_node *key = new_node(path, length, VSA_CPIO_FILE, 0);
    void *const *found = key ? tfind(key, &tree->index, compare_nodes) : NULL;
    free(key);
    return found ? *found : NULL;
}

enum vsa_status vsa_tree_add_borrowed(struct vsa_tree *tree, const char *path,
                                      enum vsa_cpio_kind kind, unsigned permissions,
                                      struct vsa_slice data, size_t link_group,
                                      struct vsa_error *error)
{
    VSA_TRY(add(tree, path, strlen(path), kind, permissions, NULL, error));
    tree->nodes[tree->count - 1]->data = data;
    tree->nodes[tree->count - 1]->link_group = link_group;
    return VSA_OK;
}

static bool has_directory(const struct vsa_tree *tree, const char *path, size_t length)
{
    const struct vsa_tree_node *node = vsa_tree_find(tree, path, length);
    return node && node->kind == VSA_CPIO_DIRECTORY;
}

/* Adds the directory of the first `length` characters and those above it, unless they exist. */
static enum vsa_status add_directories(struct vsa_tree *tree, const char *path, size_t length,
                                       struct vsa_error *error)
{
    if (has_directory(tree, path, length))
        return VSA_OK;
    for (size_t end = 1; end <= length; end++)
        if ((end == length || path[end] == '/') && !has_directory(tree, path, end))
            VSA_TRY(add(tree, path, end, VSA_CPIO_DIRECTORY, 0755, NULL, error));
    return VSA_OK;
}

static enum vsa_status add_with_directories(struct vsa_tree *tree, const char *path,
                                            enum vsa_cpio_kind kind, unsigned permissions,
                                            struct vsa_whole_file *contents,
                                            struct vsa_error *error)
{
    const char *slash = strrchr(path, '/');
    if (slash)
        VSA_TRY(add_directories(tree, path, (size_t)(slash - path), error));
    return add(tree, path, strlen(path), kind, permissions, contents, error);
}

enum vsa_status vsa_tree_add_directory(struct vsa_tree *tree, const char *path,
                                       struct vsa_error *error)
{
    return add_directories(tree, path, strlen(path), error);
}

enum vsa_status vsa_tree_add_bytes(struct vsa_tree *tree, const char *path, unsigned permissions,
                                   struct vsa_slice bytes, struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file copy = {malloc(bytes.size + 1), bytes.size, false};
    if (!copy.data)
        return no_memory(error);
    if (bytes.size)
        memcpy(copy.data, bytes.data, bytes.size);
    return add_with_directories(tree, path, VSA_CPIO_FILE, permissions, &copy, error);
}

/* --- copying from this machine ---------------------------------------------------------------- */

/* Files with several names that were met, by device and inode. */
struct linked_file {
    dev_t device;
    ino_t inode;
    size_t link_group;
};

struct links {
    void *index;    /* struct linked_file: tsearch(3) */
    size_t *groups; /* numbers that are taken */
};

static int compare_linked(const void *a, const void *b)
{
    const struct linked_file *one = a;
    const struct linked_file *other = b;
    if (one->device != other->device)
        return one->device < other->device ? -1 : 1;
    if (one->inode != other->inode)
        return one->inode < other->inode ? -1 : 1;
    return 0;
}

/* Returns the number of a file's hard links; 0 for a file with one name. */
static enum vsa_status find_link_group(struct links *links, const struct stat *status,
                                       size_t *group, struct vsa_error *error)
{
    *group = 0;
    if (status->st_nlink < 2)
        return VSA_OK;
    VSA_AUTO_FREE struct linked_file *file = malloc(sizeof(*file));
    if (!file)
        return no_memory(error);
    *file = (struct linked_file){status->st_dev, status->st_ino, *links->groups + 1};
    struct linked_file **found =
        (struct linked_file **)tsearch(file, &links->index, compare_linked);
    if (!found)
        return no_memory(error);
    *group = (*found)->link_group;
    if (*found == file) {
        ++*links->groups;
        file = NULL;
    }
    return VSA_OK;
}

/* One thing to copy: `name` in the directory `directory` goes to `path`; `source` is for errors. */
struct copy {
    struct links *links; /* permissions and hard links are kept; NULL: they are not */
    int directory;
    const char *name;
    bool follow; /* `name` may be a link to what is meant */
    const char *path;
    const char *source;
};

static enum vsa_status copy_any(struct vsa_tree *tree, const struct copy *copy,
                                struct vsa_error *error);

static enum vsa_status copy_link(struct vsa_tree *tree, const struct copy *copy,
                                 struct vsa_error *error)
{
    char text[VSA_MAX_ARCHIVE_PATH];
    ssize_t size = readlinkat(copy->directory, copy->name, text, sizeof(text));
    if (size < 0)
        return fail_errno(copy->source, error);
    if (size == 0 || (size_t)size >= sizeof(text))
        return vsa_fail(error, VSA_ERR_IO, "cannot read the link %.160s", copy->source);
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file target = {malloc((size_t)size), (size_t)size, false};
    if (!target.data)
        return no_memory(error);
    memcpy(target.data, text, (size_t)size);
    return add_with_directories(tree, copy->path, VSA_CPIO_SYMLINK, 0777, &target, error);
}

/* NOLINTBEGIN(misc-no-recursion): the length of a path bounds the depth, in copy_child() */
static enum vsa_status copy_child(struct vsa_tree *tree, int directory, const char *name,
                                  const struct copy *parent, struct vsa_error *error)
{
    VSA_AUTO_FREE char *path = NULL;
    VSA_AUTO_FREE char *source = NULL;
    if (asprintf(&path, "%s/%s", parent->path, name) < 0) {
        path = NULL;
        return no_memory(error);
    }
    if (asprintf(&source, "%s/%s", parent->source, name) < 0) {
        source = NULL;
        return no_memory(error);
    }
    /* This bounds the depth, too. */
    if (strlen(path) >= VSA_MAX_ARCHIVE_PATH)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%.160s...: the path is too long", source);
    const struct copy child = {parent->links, directory, name, false, path, source};
    return copy_any(tree, &child, error);
}

static enum vsa_status copy_directory(struct vsa_tree *tree, int *fd, const struct copy *copy,
                                      const struct stat *status_of, struct vsa_error *error)
{
    if (copy->links)
        VSA_TRY(add(tree, copy->path, strlen(copy->path), VSA_CPIO_DIRECTORY,
                    status_of->st_mode & 01777, NULL, error));
    else
        VSA_TRY(add_directories(tree, copy->path, strlen(copy->path), error));
    DIR *listing = fdopendir(*fd);
    if (!listing)
        return fail_errno(copy->source, error);
    (void)vsa_take_fd(fd);
    enum vsa_status status = VSA_OK;
    errno = 0;
    for (const struct dirent *entry; status == VSA_OK && (entry = readdir(listing)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = copy_child(tree, dirfd(listing), entry->d_name, copy, error);
        errno = 0;
    }
    if (status == VSA_OK && errno != 0)
        status = fail_errno(copy->source, error);
    (void)closedir(listing);
    return status;
}

/*
 * Copies an open file. fstat() describes what is read,
 * even if the name belongs to another file by now.
 */
static enum vsa_status copy_opened(struct vsa_tree *tree, int *fd, const struct copy *copy,
                                   struct vsa_error *error)
{
    struct stat status;
    /* "/" is a directory that is there. */
    bool is_root = !strchr(copy->path, '/');
    if (fstat(*fd, &status) != 0)
        return fail_errno(copy->source, error);
    if (S_ISDIR(status.st_mode))
        return copy_directory(tree, fd, copy, &status, error);
    if (!S_ISREG(status.st_mode))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.160s is neither a file nor a directory nor a link", copy->source);
    if (is_root)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%.160s is a file: only a directory can become /",
                        copy->source);
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file contents = {NULL, 0, false};
    VSA_TRY(vsa_whole_file_of(*fd, copy->source, &contents, error));
    unsigned permissions = status.st_mode & S_IXUSR ? 0755 : 0644;
    size_t link_group = 0;
    if (copy->links) {
        permissions = status.st_mode & 0777;
        VSA_TRY(find_link_group(copy->links, &status, &link_group, error));
    }
    VSA_TRY(add_with_directories(tree, copy->path, VSA_CPIO_FILE, permissions, &contents, error));
    tree->nodes[tree->count - 1]->link_group = link_group;
    return VSA_OK;
}

static enum vsa_status copy_any(struct vsa_tree *tree, const struct copy *copy,
                                struct vsa_error *error)
{
    struct stat status;
    if (fstatat(copy->directory, copy->name, &status, copy->follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(copy->source, error);
    if (S_ISLNK(status.st_mode))
        return copy_link(tree, copy, error);
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.160s is neither a file nor a directory nor a link", copy->source);
    /* O_NONBLOCK: by now it may be a pipe. */
    VSA_AUTO_FD int fd =
        openat(copy->directory, copy->name,
               O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (copy->follow ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return fail_errno(copy->source, error);
    return copy_opened(tree, &fd, copy, error);
}
/* NOLINTEND(misc-no-recursion) */

enum vsa_status vsa_tree_add_copy(struct vsa_tree *tree, const char *path, const char *source,
                                  struct vsa_error *error)
{
    const struct copy copy = {NULL, AT_FDCWD, source, true, path, source};
    return copy_any(tree, &copy, error);
}

enum vsa_status vsa_tree_add_exact(struct vsa_tree *tree, const char *path, const char *source,
                                   size_t *link_groups, struct vsa_error *error)
{
    struct links links = {.index = NULL};
    links.groups = link_groups;
    const struct copy copy = {&links, AT_FDCWD, source, true, path, source};
    enum vsa_status status = copy_any(tree, &copy, error);
    tdestroy(links.index, free);
    return status;
}

/* --- looking up ------------------------------------------------------------------------------- */

/* Cuts the last part off `path`, but nothing of the first `floor` characters. */
static void go_up(char *path, size_t floor)
{
    char *slash = strrchr(path + floor, '/');
    path[slash ? (size_t)(slash - path) : floor] = '\0';
}

#define MAX_REST (2 * VSA_MAX_ARCHIVE_PATH)

/* Puts a link's target before the rest of the way; false when that is too long. */
static bool follow_link(const struct vsa_tree_node *link, char *rest)
{
    char spliced[MAX_REST];
    int size = snprintf(spliced, sizeof(spliced), "%.*s/%s", (int)link->data.size,
                        (const char *)link->data.data, rest);
    if (size < 0 || (size_t)size >= sizeof(spliced))
        return false;
    memcpy(rest, spliced, (size_t)size + 1);
    return true;
}

/* Takes the first part off `rest`; its length, 0 at the end. */
static size_t next_part(char *rest, char *part)
{
    size_t start = strspn(rest, "/");
    size_t length = strcspn(rest + start, "/");
    if (length >= VSA_MAX_ARCHIVE_PATH)
        return 0;
    memcpy(part, rest + start, length);
    part[length] = '\0';
    memmove(rest, rest + start + length, strlen(rest + start + length) + 1);
    return length;
}

bool vsa_tree_find_file(const struct vsa_tree *tree, const char *root, const char *path,
                        struct vsa_slice *data)
{
    char at[2 * VSA_MAX_ARCHIVE_PATH];
    char rest[MAX_REST];
    char part[VSA_MAX_ARCHIVE_PATH];
    size_t floor = strlen(root);
    size_t links = 0;
    if (floor >= VSA_MAX_ARCHIVE_PATH || strlen(path) >= VSA_MAX_ARCHIVE_PATH)
        return false;
    memcpy(at, root, floor + 1);
    memcpy(rest, path, strlen(path) + 1);
    for (size_t length; (length = next_part(rest, part)) > 0;) {
        size_t end = strlen(at);
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            go_up(at, floor);
            continue;
        }
        if (end + length + 2 > sizeof(at))
            return false;
        at[end] = '/';
        memcpy(at + end + 1, part, length + 1);
        const struct vsa_tree_node *node = vsa_tree_find(tree, at, end + 1 + length);
        if (!node)
            return false;
        if (node->kind != VSA_CPIO_SYMLINK)
            continue;
        if (++links > MAX_LINKS || !follow_link(node, rest))
            return false;
        at[node->data.data[0] == '/' ? floor : end] = '\0';
    }
    const struct vsa_tree_node *node = vsa_tree_find(tree, at, strlen(at));
    if (!node || node->kind != VSA_CPIO_FILE)
        return false;
    *data = node->data;
    return true;
}

bool vsa_tree_has_name(const struct vsa_tree *tree, const char *name)
{
    for (size_t i = 0; i < tree->count; i++) {
        const struct vsa_tree_node *node = tree->nodes[i];
        const char *slash = strrchr(node->path, '/');
        if (node->kind != VSA_CPIO_DIRECTORY && strcmp(slash ? slash + 1 : node->path, name) == 0)
            return true;
    }
    return false;
}

/* Of one link group: its first entry in the archive, and how many there are. */
struct link_group {
    size_t first;
    unsigned count;
};

/*
 * Links the names of one file: all have the inode of the first one, which alone has the contents
 * (linux init/initramfs.c: do_name()). A group with one name left is a file like others.
 */
static enum vsa_status link_entries(struct vsa_cpio_entry *entries, size_t count,
                                    struct vsa_error *error)
{
    size_t largest = 0;
    for (size_t i = 0; i < count; i++)
        if (entries[i].link_group > largest)
            largest = entries[i].link_group;
    VSA_AUTO_FREE struct link_group *groups = calloc(largest + 1, sizeof(*groups));
    if (!groups)
        return no_memory(error);
    for (size_t i = 0; i < count; i++) {
        struct link_group *group = &groups[entries[i].link_group];
        if (!entries[i].link_group)
            continue;
        if (group->count++ == 0)
            group->first = i;
        else
            entries[i].data = vsa_slice_of(NULL, 0);
    }
    for (size_t i = 0; i < count; i++) {
        const struct link_group *group = &groups[entries[i].link_group];
        if (!entries[i].link_group)
            continue;
        entries[i].links = group->count;
        entries[i].inode = group->first + 1;
        entries[i].permissions = entries[group->first].permissions;
    }
    return VSA_OK;
}

enum vsa_status vsa_tree_archive(const struct vsa_tree *tree, struct vsa_whole_file *archive,
                                 struct vsa_error *error)
{
    VSA_AUTO_FREE struct vsa_cpio_entry *entries = calloc(tree->count + 1, sizeof(*entries));
    if (!entries)
        return no_memory(error);
    for (size_t i = 0; i < tree->count; i++) {
        const struct vsa_tree_node *node = tree->nodes[i];
        entries[i] = (struct vsa_cpio_entry){.path = node->path,
                                             .kind = node->kind,
                                             .permissions = node->permissions,
                                             .data = node->data,
                                             .link_group = node->link_group};
    }
    vsa_cpio_sort(entries, tree->count);
    VSA_TRY(vsa_cpio_check(entries, tree->count, error));
    VSA_TRY(link_entries(entries, tree->count, error));
    size_t size = vsa_cpio_size(entries, tree->count);
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file made = {malloc(size), size, false};
    struct vsa_slice written;
    if (!made.data)
        return no_memory(error);
    VSA_TRY(vsa_cpio_write(entries, tree->count, made.data, size, &written, error));
    *archive = made;
    made.data = NULL;
    return VSA_OK;
}
