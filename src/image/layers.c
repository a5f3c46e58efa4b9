/* SPDX-License-Identifier: Apache-2.0 */
#include "image/layers.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"
#include "tar/tar.h"
#include "json/load.h"

static const char rule_layers[] = "OCI image specification, layer.md";

#define ROOT "rootfs"
/* `docker save`: one object for each image, with the names of its layers. */
#define MANIFEST "manifest.json"
/* What marks an OCI layout, which has its layers behind two more files. */
#define OCI_LAYOUT "oci-layout"
/* A name with it hides that name in the layers below. */
#define WHITEOUT ".wh."
/* Hides all that the layers below have in its directory. */
#define OPAQUE ".wh..wh..opq"

void vsa_layers_free(struct vsa_layers *layers)
{
    for (size_t i = 0; i < layers->count; i++)
        vsa_tree_free(&layers->trees[i]);
    for (size_t i = 0; i < layers->file_count; i++)
        vsa_whole_file_close(&layers->files[i]);
    layers->count = layers->file_count = 0;
}

/* Limits the entries of all layers together: a manifest may name one layer many times. */
static enum vsa_status check_entries(const struct vsa_layers *layers, struct vsa_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < layers->count; i++)
        count += layers->trees[i].count;
    if (count > VSA_MAX_ARCHIVE_ENTRIES)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "more than %d files and directories in all layers",
                        VSA_MAX_ARCHIVE_ENTRIES);
    return VSA_OK;
}

static enum vsa_status check_room(size_t count, struct vsa_error *error)
{
    if (count == VSA_MAX_IMAGE_LAYERS)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "more than %d layers", VSA_MAX_IMAGE_LAYERS);
    return VSA_OK;
}

/* --- archives --------------------------------------------------------------------------------- */

/* Finds what a tar entry names, in a layer. */
static struct vsa_tree_node *find_below_root(const struct vsa_tree *tree, const char *path)
{
    char full[sizeof(ROOT "/") + VSA_MAX_ARCHIVE_PATH];
    int length = snprintf(full, sizeof(full), ROOT "%s%s", *path ? "/" : "", path);
    return vsa_tree_find(tree, full, (size_t)length);
}

/* Adds a hard link: the file that it is a name of comes before it, in the same layer. */
static enum vsa_status add_hard_link(struct vsa_layers *layers, struct vsa_tree *tree,
                                     const struct vsa_tar_entry *entry, const char *path,
                                     struct vsa_error *error)
{
    struct vsa_tree_node *target = find_below_root(tree, entry->target);
    if (!target || target->kind != VSA_CPIO_FILE)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "'%.100s' is a hard link to '%.100s', which is no file before it in the "
                        "layer",
                        entry->path, entry->target);
    if (!target->link_group)
        target->link_group = ++layers->link_groups;
    return vsa_tree_add_borrowed(tree, path, VSA_CPIO_FILE, target->permissions, target->data,
                                 target->link_group, error);
}

/* Adds a symbolic link, which owns its target: that of the entry is gone with the next one. */
static enum vsa_status add_symlink(struct vsa_tree *tree, const struct vsa_tar_entry *entry,
                                   const char *path, struct vsa_error *error)
{
    size_t size = strlen(entry->target);
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file target = {malloc(size), size, false};
    if (!target.data)
        return vsa_fail_memory(error);
    memcpy(target.data, entry->target, size);
    VSA_TRY(
        vsa_tree_add_borrowed(tree, path, VSA_CPIO_SYMLINK, 0777, vsa_slice_of(NULL, 0), 0, error));
    struct vsa_tree_node *node = tree->nodes[tree->count - 1];
    node->owned = target;
    node->data = vsa_whole_file_slice(&node->owned);
    target.data = NULL;
    return VSA_OK;
}

static enum vsa_status add_entry(struct vsa_layers *layers, struct vsa_tree *tree,
                                 const struct vsa_tar_entry *entry, struct vsa_error *error)
{
    char path[VSA_MAX_ARCHIVE_PATH];
    int length = snprintf(path, sizeof(path), ROOT "%s%s", *entry->path ? "/" : "", entry->path);
    if (length >= (int)sizeof(path))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%.120s...': the path is too long", entry->path);
    struct vsa_tree_node *same = vsa_tree_find(tree, path, (size_t)length);
    if (same && (same->kind != VSA_CPIO_DIRECTORY || entry->kind != VSA_TAR_DIRECTORY))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%.160s' is in the archive twice", entry->path);
    switch (entry->kind) {
    case VSA_TAR_DIRECTORY:
        if (same)
            same->permissions = entry->permissions & 01777;
        return same ? VSA_OK
                    : vsa_tree_add_borrowed(tree, path, VSA_CPIO_DIRECTORY,
                                            entry->permissions & 01777, vsa_slice_of(NULL, 0), 0,
                                            error);
    case VSA_TAR_SYMLINK:
        return add_symlink(tree, entry, path, error);
    case VSA_TAR_HARD_LINK:
        return add_hard_link(layers, tree, entry, path, error);
    case VSA_TAR_FILE:
    default:
        return vsa_tree_add_borrowed(tree, path, VSA_CPIO_FILE, entry->permissions & 0777,
                                     entry->data, 0, error);
    }
}

static enum vsa_status read_entries(struct vsa_layers *layers, struct vsa_tree *tree,
                                    struct vsa_slice archive, struct vsa_error *error)
{
    struct vsa_tar tar = {archive, 0};
    VSA_AUTO_FREE struct vsa_tar_entry *entry = malloc(sizeof(*entry));
    if (!entry)
        return vsa_fail_memory(error);
    for (;;) {
        bool found = false;
        VSA_TRY(vsa_tar_read(&tar, entry, &found, error));
        if (!found)
            return VSA_OK;
        VSA_TRY(add_entry(layers, tree, entry, error));
    }
}

/* Reads one archive as the uppermost layer. */
static enum vsa_status read_layer(struct vsa_layers *layers, const char *name,
                                  struct vsa_slice archive, struct vsa_error *error)
{
    VSA_TRY(check_room(layers->count, error));
    if (!vsa_tar_is_archive(archive))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.160s is neither a directory nor a tar archive: unpack a compressed one "
                        "with gunzip or zstd -d",
                        name);
    struct vsa_tree *tree = &layers->trees[layers->count++];
    *tree = (struct vsa_tree){.nodes = NULL};
    enum vsa_status status = read_entries(layers, tree, archive, error);
    if (status == VSA_OK)
        status = check_entries(layers, error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "%.120s", name);
    return status;
}

/* --- the archives of docker save -------------------------------------------------------------- */

/* Returns the names of the layers, a new reference; NULL in `*layers` when it is no such file. */
static enum vsa_status read_manifest(struct vsa_slice text, json_t **names, struct vsa_error *error)
{
    static const struct vsa_json_limits limits = {
        .name = MANIFEST, .max_size = VSA_MAX_INPUT_FILE, .max_depth = VSA_MAX_JSON_FILE_DEPTH};
    VSA_AUTO_JSON json_t *manifest = NULL;
    *names = NULL;
    VSA_TRY(vsa_json_load(text, &limits, &manifest, error));
    const json_t *image = json_array_get(manifest, 0);
    json_t *layers = json_object_get(image, "Layers");
    if (!json_is_string(json_object_get(image, "Config")) || !json_is_array(layers))
        return VSA_OK;
    if (json_array_size(manifest) != 1)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%zu images in one archive: save one",
                        json_array_size(manifest));
    *names = json_incref(layers);
    return VSA_OK;
}

/* Finds a layer. Docker before 25 writes one that comes again as a symbolic link to the first. */
static bool find_layer(const struct vsa_tree *archive, const char *path, struct vsa_slice *layer)
{
    const struct vsa_tree_node *node = find_below_root(archive, path);
    if (!node || node->kind != VSA_CPIO_FILE)
        return vsa_tree_find_file(archive, ROOT, path, layer);
    *layer = node->data;
    return true;
}

/* Replaces the layer that was read last, an archive of layers, by those. */
static enum vsa_status read_image_layers(struct vsa_layers *layers, const json_t *names,
                                         struct vsa_error *error)
{
    VSA_AUTO_TREE struct vsa_tree archive = layers->trees[--layers->count];
    size_t index;
    const json_t *name;
    json_array_foreach(names, index, name)
    {
        const char *path = json_string_value(name);
        struct vsa_slice layer;
        if (!path || !find_layer(&archive, path, &layer))
            return vsa_fail(error, VSA_ERR_ARGUMENT,
                            MANIFEST ": layer %zu is no file of the archive", index);
        VSA_TRY(read_layer(layers, path, layer, error));
    }
    return VSA_OK;
}

enum vsa_status vsa_layers_read_archive(struct vsa_layers *layers, const char *name,
                                        struct vsa_slice archive, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *names = NULL;
    VSA_TRY(read_layer(layers, name, archive, error));
    const struct vsa_tree *tree = &layers->trees[layers->count - 1];
    const struct vsa_tree_node *manifest = find_below_root(tree, MANIFEST);
    bool is_file = manifest && manifest->kind == VSA_CPIO_FILE;
    if (!is_file && find_below_root(tree, OCI_LAYOUT))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.120s is an OCI layout: give its layers one by one, or the archive of "
                        "docker save",
                        name);
    enum vsa_status status = is_file ? read_manifest(manifest->data, &names, error) : VSA_OK;
    if (status == VSA_OK && names)
        status = read_image_layers(layers, names, error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "%.120s", name);
    return status;
}

/* --- sources ---------------------------------------------------------------------------------- */

enum vsa_status vsa_layers_add(struct vsa_layers *layers, const char *source,
                               struct vsa_error *error)
{
    struct stat status;
    if (stat(source, &status) != 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot read %.160s: %s", source, strerror(errno));
    if (S_ISDIR(status.st_mode)) {
        VSA_TRY(check_room(layers->count, error));
        struct vsa_tree *tree = &layers->trees[layers->count++];
        *tree = (struct vsa_tree){.nodes = NULL};
        VSA_TRY(vsa_tree_add_exact(tree, ROOT, source, &layers->link_groups, error));
        return check_entries(layers, error);
    }
    VSA_TRY(check_room(layers->file_count, error));
    struct vsa_whole_file *file = &layers->files[layers->file_count];
    VSA_TRY(vsa_whole_file_open(source, file, error));
    layers->file_count++;
    return vsa_layers_read_archive(layers, source, vsa_whole_file_slice(file), error);
}

/* --- merging ---------------------------------------------------------------------------------- */

/*
 * The way is from the uppermost layer down: what is there stays, and a path that a layer above has
 * hidden is not added. So each node is looked at once, whatever the number of layers.
 */
struct merge {
    struct vsa_tree *tree;
    struct vsa_tree hidden; /* paths at which, and below which, lower layers have nothing */
    struct vsa_tree opaque; /* directories below which lower layers have nothing */
};

static void free_merge(struct merge *merge)
{
    vsa_tree_free(&merge->hidden);
    vsa_tree_free(&merge->opaque);
}

static bool is_covered(const struct merge *merge, const char *path)
{
    for (size_t end = 1;; end++) {
        if (path[end] && path[end] != '/')
            continue;
        if (vsa_tree_find(&merge->hidden, path, end))
            return true;
        if (!path[end])
            return vsa_tree_find(merge->tree, path, end) != NULL;
        if (vsa_tree_find(&merge->opaque, path, end))
            return true;
    }
}

static enum vsa_status mark(struct vsa_tree *marks, const char *path, size_t length,
                            struct vsa_error *error)
{
    char text[VSA_MAX_ARCHIVE_PATH];
    memcpy(text, path, length);
    text[length] = '\0';
    if (vsa_tree_find(marks, text, length))
        return VSA_OK;
    return vsa_tree_add_borrowed(marks, text, VSA_CPIO_FILE, 0, vsa_slice_of(NULL, 0), 0, error);
}

/* Returns what of a path begins with the part that is a whiteout, or NULL. */
static const char *whiteout_name(const char *path)
{
    const char *slash = strstr(path, "/" WHITEOUT);
    return slash ? slash + 1 : NULL;
}

static enum vsa_status mark_whiteout(struct merge *merge, const struct vsa_tree_node *node,
                                     const char *name, struct vsa_error *error)
{
    char hidden[VSA_MAX_ARCHIVE_PATH];
    size_t directory = (size_t)(name - node->path);
    const char *rest = name + strlen(WHITEOUT);
    if (strcmp(name, OPAQUE) == 0)
        return mark(&merge->opaque, node->path, directory - 1, error);
    if (node->kind != VSA_CPIO_FILE || !*rest || strcmp(rest, ".") == 0 ||
        strcmp(rest, "..") == 0 || strchr(rest, '/') ||
        strncmp(rest, WHITEOUT, strlen(WHITEOUT)) == 0)
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, rule_layers,
                           "'%.160s' has a name that is reserved for whiteouts",
                           node->path + strlen(ROOT));
    int length = snprintf(hidden, sizeof(hidden), "%.*s%s", (int)directory, node->path, rest);
    return mark(&merge->hidden, hidden, (size_t)length, error);
}

/*
 * Adds what a layer shows; then what hides lower layers: its whiteouts, and all that is no
 * directory where one of them may have one.
 */
static enum vsa_status merge_layer(struct merge *merge, const struct vsa_tree *layer,
                                   struct vsa_error *error)
{
    for (size_t i = 0; i < layer->count; i++) {
        const struct vsa_tree_node *node = layer->nodes[i];
        if (whiteout_name(node->path) || is_covered(merge, node->path))
            continue;
        VSA_TRY(vsa_tree_add_borrowed(merge->tree, node->path, node->kind, node->permissions,
                                      node->data, node->link_group, error));
    }
    for (size_t i = 0; i < layer->count; i++) {
        const struct vsa_tree_node *node = layer->nodes[i];
        const char *name = whiteout_name(node->path);
        if (name)
            VSA_TRY(mark_whiteout(merge, node, name, error));
        else if (node->kind != VSA_CPIO_DIRECTORY)
            VSA_TRY(mark(&merge->hidden, node->path, strlen(node->path), error));
    }
    return VSA_OK;
}

/* Adds the directories that no layer names. */
static enum vsa_status complete(struct vsa_tree *tree, struct vsa_error *error)
{
    size_t count = tree->count;
    for (size_t i = 0; i < count; i++) {
        char parent[VSA_MAX_ARCHIVE_PATH];
        const char *path = tree->nodes[i]->path;
        const char *slash = strrchr(path, '/');
        if (!slash)
            continue;
        (void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
        VSA_TRY(vsa_tree_add_directory(tree, parent, error));
    }
    return VSA_OK;
}

enum vsa_status vsa_layers_merge(const struct vsa_layers *layers, struct vsa_tree *tree,
                                 struct vsa_error *error)
{
    VSA_CLEANUP(free_merge) struct merge merge = {.tree = tree};
    for (size_t i = layers->count; i > 0; i--)
        VSA_TRY(merge_layer(&merge, &layers->trees[i - 1], error));
    return complete(tree, error);
}
