/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/layers.h"
#include "tar_forge.h"

static struct tar_forge forge;
static struct vsa_error error;
static char text[4096];

/* Appends "PATH:CONTENTS" of each node to `text`; directories have no colon. */
static const char *show(const struct vsa_tree *tree)
{
    char *end = text;
    text[0] = '\0';
    for (size_t i = 0; i < tree->count; i++) {
        const struct vsa_tree_node *node = tree->nodes[i];
        const char *mark = node->kind == VSA_CPIO_DIRECTORY ? "" : ":";
        end += snprintf(end, sizeof(text) - (size_t)(end - text), "%s%s%.*s ", node->path, mark,
                        (int)node->data.size, node->data.size ? (const char *)node->data.data : "");
    }
    return text;
}

/* An archive in a forge of its own, which lives until the test has ended. */
static struct vsa_slice archive_of(struct tar_forge *archive, const char *const *names)
{
    archive->size = 0;
    for (; *names; names++) {
        size_t length = strlen(*names);
        bool is_directory = (*names)[length - 1] == '/';
        (void)tar_forge_add(archive, *names, is_directory ? '5' : '0', NULL, *names,
                            is_directory ? 0 : length);
    }
    return tar_forge_end(archive);
}

#define NAMES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void assert_merged(struct vsa_layers *layers, const char *expected)
{
    VSA_AUTO_TREE struct vsa_tree tree = {.nodes = NULL};
    if (vsa_layers_merge(layers, &tree, &error) != VSA_OK)
        fail_msg("%s", error.detail);
    assert_string_equal(show(&tree), expected);
}

static void read_archive(struct vsa_layers *layers, struct vsa_slice archive)
{
    if (vsa_layers_read_archive(layers, "test", archive, &error) != VSA_OK)
        fail_msg("%s", error.detail);
}

static void assert_archive_refused(struct vsa_slice archive, enum vsa_status expected,
                                   const char *reason)
{
    VSA_AUTO_LAYERS struct vsa_layers layers = {.count = 0};
    VSA_AUTO_TREE struct vsa_tree tree = {.nodes = NULL};
    enum vsa_status status = vsa_layers_read_archive(&layers, "test", archive, &error);
    if (status == VSA_OK)
        status = vsa_layers_merge(&layers, &tree, &error);
    if (status != expected || !strstr(error.detail, reason))
        fail_msg("status %d, '%s' instead of '%s'", (int)status, error.detail, reason);
}

static void upper_layers_win(void **state)
{
    static struct tar_forge lower;
    static struct tar_forge upper;
    VSA_AUTO_LAYERS struct vsa_layers layers = {.count = 0};
    (void)state;
    read_archive(&layers,
                 archive_of(&lower, NAMES("a/", "a/one", "a/two", "b/three", "c/", "c/x")));
    read_archive(&layers, archive_of(&upper, NAMES("a/.wh.one", "c/.wh..wh..opq", "c/y", "b")));
    assert_merged(&layers,
                  "rootfs/c/y:c/y rootfs/b:b rootfs/a rootfs/a/two:a/two rootfs/c rootfs ");
}

/* Names that OCI reserves, wherever they are in a path. */
static void whiteouts_that_are_none(void **state)
{
    static const char *const bad[] = {".wh.",      ".wh..",    ".wh...",      ".wh..wh.x",
                                      "a/.wh.b/c", ".wh.a/b/", ".wh.a/.wh.b", ".wh..wh..opq/x"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_archive_refused(archive_of(&forge, NAMES(bad[i])), VSA_ERR_ARGUMENT,
                               "reserved for whiteouts");
    forge.size = 0;
    (void)tar_forge_add(&forge, ".wh.x", '2', "target", NULL, 0);
    assert_archive_refused(tar_forge_end(&forge), VSA_ERR_ARGUMENT, "reserved for whiteouts");
}

static void duplicates(void **state)
{
    (void)state;
    assert_archive_refused(archive_of(&forge, NAMES("a", "a")), VSA_ERR_ARGUMENT, "twice");
    assert_archive_refused(archive_of(&forge, NAMES("a/", "a")), VSA_ERR_ARGUMENT, "twice");
    assert_archive_refused(archive_of(&forge, NAMES("a", "./a/")), VSA_ERR_ARGUMENT, "twice");
    forge.size = 0;
    (void)tar_forge_add(&forge, "a", '2', "/etc", NULL, 0);
    (void)tar_forge_add(&forge, "a", '5', NULL, NULL, 0);
    assert_archive_refused(tar_forge_end(&forge), VSA_ERR_ARGUMENT, "twice");
}

/* A link that leads out of the tree stays a link, and no entry goes through it. */
static void symbolic_links(void **state)
{
    VSA_AUTO_LAYERS struct vsa_layers layers = {.count = 0};
    VSA_AUTO_TREE struct vsa_tree tree = {.nodes = NULL};
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file ramdisk = {NULL, 0, false};
    (void)state;
    forge.size = 0;
    (void)tar_forge_add(&forge, "etc", '2', "../../../etc", NULL, 0);
    (void)tar_forge_add(&forge, "etc/passwd", '0', NULL, "x", 1);
    read_archive(&layers, tar_forge_end(&forge));
    assert_int_equal(vsa_layers_merge(&layers, &tree, &error), VSA_OK);
    assert_int_equal(vsa_tree_archive(&tree, &ramdisk, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "rootfs/etc"));
}

static void hard_links(void **state)
{
    static const char *const absent[] = {"b", "etc/passwd", "a"};
    VSA_AUTO_LAYERS struct vsa_layers layers = {.count = 0};
    VSA_AUTO_TREE struct vsa_tree tree = {.nodes = NULL};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        forge.size = 0;
        (void)tar_forge_add(&forge, "a", '1', absent[i], NULL, 0);
        assert_archive_refused(tar_forge_end(&forge), VSA_ERR_ARGUMENT, "no file before it");
    }
    forge.size = 0;
    (void)tar_forge_add(&forge, "a", '0', NULL, "x", 1);
    (void)tar_forge_add(&forge, "b", '1', "./a", NULL, 0);
    (void)tar_forge_add(&forge, "c", '1', "b", NULL, 0);
    read_archive(&layers, tar_forge_end(&forge));
    assert_int_equal(vsa_layers_merge(&layers, &tree, &error), VSA_OK);
    assert_string_equal(show(&tree), "rootfs/a:x rootfs/b:x rootfs/c:x rootfs ");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(tree.nodes[i]->link_group, 1);
}

#define MANIFEST(layers) "[{\"Config\":\"c\",\"Layers\":[" layers "]}]"

/* What `docker save` writes: a layer that comes again may be a symbolic link. */
static void saved_images(void **state)
{
    static struct tar_forge layer;
    VSA_AUTO_LAYERS struct vsa_layers layers = {.count = 0};
    static const char manifest[] = MANIFEST("\"one/layer.tar\",\"two/layer.tar\"");
    (void)state;
    struct vsa_slice bytes = archive_of(&layer, NAMES("x"));
    forge.size = 0;
    (void)tar_forge_add(&forge, "one", '5', NULL, NULL, 0);
    (void)tar_forge_add(&forge, "two", '5', NULL, NULL, 0);
    (void)tar_forge_add(&forge, "one/layer.tar", '0', NULL, bytes.data, bytes.size);
    (void)tar_forge_add(&forge, "two/layer.tar", '2', "../one/layer.tar", NULL, 0);
    (void)tar_forge_add(&forge, "manifest.json", '0', NULL, manifest, sizeof(manifest) - 1);
    read_archive(&layers, tar_forge_end(&forge));
    assert_int_equal(layers.count, 2);
    assert_merged(&layers, "rootfs/x:x rootfs ");
}

static void saved_images_that_are_refused(void **state)
{
    static const struct {
        const char *manifest;
        enum vsa_status status;
        const char *reason;
    } rows[] = {
        {MANIFEST("\"absent\""), VSA_ERR_ARGUMENT, "layer 0 is no file"},
        {MANIFEST("\"../../etc/passwd\""), VSA_ERR_ARGUMENT, "layer 0 is no file"},
        {MANIFEST("\"/etc/passwd\""), VSA_ERR_ARGUMENT, "layer 0 is no file"},
        {MANIFEST("\"loop\""), VSA_ERR_ARGUMENT, "layer 0 is no file"},
        {MANIFEST("\"out\""), VSA_ERR_ARGUMENT, "layer 0 is no file"},
        {MANIFEST("\"directory\""), VSA_ERR_ARGUMENT, "layer 0 is no file"},
        {MANIFEST("\"\""), VSA_ERR_ARGUMENT, "layer 0 is no file"},
        {MANIFEST("7"), VSA_ERR_ARGUMENT, "layer 0 is no file"},
        {MANIFEST("\"manifest.json\""), VSA_ERR_ARGUMENT, "neither a directory nor a tar archive"},
        {"[{\"Config\":\"c\",\"Layers\":[]},{}]", VSA_ERR_ARGUMENT, "2 images in one archive"},
        {"[", VSA_ERR_JSON, "not valid JSON"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        forge.size = 0;
        (void)tar_forge_add(&forge, "loop", '2', "loop", NULL, 0);
        (void)tar_forge_add(&forge, "out", '2', "/../../etc/passwd", NULL, 0);
        (void)tar_forge_add(&forge, "directory", '5', NULL, NULL, 0);
        (void)tar_forge_add(&forge, "manifest.json", '0', NULL, rows[i].manifest,
                            strlen(rows[i].manifest));
        assert_archive_refused(tar_forge_end(&forge), rows[i].status, rows[i].reason);
    }
}

/* One layer named many times is as much work as many layers. */
static void entries_of_all_layers_together(void **state)
{
    VSA_AUTO_LAYERS struct vsa_layers layers = {.count = 1};
    static struct tar_forge other;
    (void)state;
    for (size_t i = 0; i < VSA_MAX_ARCHIVE_ENTRIES; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "rootfs/%zu", i);
        assert_int_equal(vsa_tree_add_borrowed(&layers.trees[0], path, VSA_CPIO_DIRECTORY, 0755,
                                               vsa_slice_of(NULL, 0), 0, NULL),
                         VSA_OK);
    }
    assert_int_equal(
        vsa_layers_read_archive(&layers, "test", archive_of(&other, NAMES("x")), &error),
        VSA_ERR_TOO_MANY);
    assert_non_null(strstr(error.detail, "more than 1000000 files and directories in all layers"));
}

static void too_many_layers(void **state)
{
    VSA_AUTO_LAYERS struct vsa_layers layers = {.count = 0};
    (void)state;
    for (size_t i = 0; i < VSA_MAX_IMAGE_LAYERS; i++)
        read_archive(&layers, archive_of(&forge, NAMES("x")));
    assert_int_equal(
        vsa_layers_read_archive(&layers, "test", archive_of(&forge, NAMES("x")), &error),
        VSA_ERR_TOO_MANY);
    assert_string_equal(error.detail, "more than 128 layers");
}

static void sources(void **state)
{
    char directory[] = "/tmp/vsa-layers-XXXXXX";
    char path[64];
    VSA_AUTO_LAYERS struct vsa_layers layers = {.count = 0};
    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/file", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    assert_int_equal(write(fd, "text", 4), 4);
    (void)close(fd);
    enum vsa_status status = vsa_layers_add(&layers, directory, &error);
    enum vsa_status file = vsa_layers_add(&layers, path, NULL);
    (void)unlink(path);
    (void)rmdir(directory);
    assert_int_equal(status, VSA_OK);
    assert_int_equal(file, VSA_ERR_ARGUMENT); /* no archive */
    assert_int_equal(vsa_layers_add(&layers, path, &error), VSA_ERR_IO);
    assert_merged(&layers, "rootfs rootfs/file:text ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upper_layers_win),
        cmocka_unit_test(whiteouts_that_are_none),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(symbolic_links),
        cmocka_unit_test(hard_links),
        cmocka_unit_test(saved_images),
        cmocka_unit_test(saved_images_that_are_refused),
        cmocka_unit_test(entries_of_all_layers_together),
        cmocka_unit_test(too_many_layers),
        cmocka_unit_test(sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
