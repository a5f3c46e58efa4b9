/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/tree.h"

static struct vsa_error error;

static void add_link(struct vsa_tree *tree, const char *path, const char *target)
{
    assert_int_equal(vsa_tree_add_borrowed(tree, path, VSA_CPIO_SYMLINK, 0777,
                                           vsa_slice_of_text(target), 0, NULL),
                     VSA_OK);
}

static void add_text(struct vsa_tree *tree, const char *path, const char *text)
{
    assert_int_equal(vsa_tree_add_bytes(tree, path, 0644, vsa_slice_of_text(text), NULL), VSA_OK);
}

static void directories_come_along(void **state)
{
    VSA_AUTO_TREE struct vsa_tree tree = {.nodes = NULL};
    (void)state;
    add_text(&tree, "a/b/c", "x");
    assert_int_equal(vsa_tree_add_directory(&tree, "a/b", NULL), VSA_OK);
    assert_int_equal(vsa_tree_add_directory(&tree, "a/d", NULL), VSA_OK);
    assert_int_equal(tree.count, 4);
    assert_int_equal(vsa_tree_find(&tree, "a/b", 3)->kind, VSA_CPIO_DIRECTORY);
    assert_int_equal(vsa_tree_find(&tree, "a/b", 3)->permissions, 0755);
    assert_int_equal(vsa_tree_find(&tree, "a/b/cd", 5)->kind, VSA_CPIO_FILE);
    assert_null(vsa_tree_find(&tree, "a/b/cd", 6));
    assert_null(vsa_tree_find(&tree, "a/b/c/", 6));
}

/* As a program with this root would: no link leads out of it, and a circle ends. */
static void files_by_path(void **state)
{
    VSA_AUTO_TREE struct vsa_tree tree = {.nodes = NULL};
    static const char *const found[] = {"/bin/sh",       "bin/sh",        "/usr/../bin/./sh",
                                        "/../../bin/sh", "//bin//sh",     "/absolute",
                                        "/relative",     "/up/bin/sh",    "/chain",
                                        "/directory/sh", "/usr/up/bin/sh"};
    static const char *const absent[] = {"",      "/",    "/bin",      "/bin/sh/x", "/loop",
                                         "/none", "/one", "/dangling", "/long",     "sh"};
    struct vsa_slice data;
    char long_target[VSA_MAX_ARCHIVE_PATH];
    (void)state;
    memset(long_target, 'x', sizeof(long_target));
    long_target[sizeof(long_target) - 1] = '\0';
    add_text(&tree, "root/bin/sh", "shell");
    assert_int_equal(vsa_tree_add_directory(&tree, "root/usr", NULL), VSA_OK);
    add_text(&tree, "none", "outside");
    add_link(&tree, "root/absolute", "/bin/sh");
    add_link(&tree, "root/relative", "bin/sh");
    add_link(&tree, "root/up", "../../..");
    add_link(&tree, "root/usr/up", "..");
    add_link(&tree, "root/chain", "relative");
    add_link(&tree, "root/directory", "/bin/");
    add_link(&tree, "root/loop", "loop");
    add_link(&tree, "root/one", "two");
    add_link(&tree, "root/two", "/one");
    add_link(&tree, "root/dangling", "../none");
    add_link(&tree, "root/long", long_target);
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        if (!vsa_tree_find_file(&tree, "root", found[i], &data))
            fail_msg("'%s' was not found", found[i]);
        assert_int_equal(data.size, 5);
    }
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        if (vsa_tree_find_file(&tree, "root", absent[i], &data))
            fail_msg("'%s' was found", absent[i]);
    assert_true(vsa_tree_has_name(&tree, "sh"));
    assert_true(vsa_tree_has_name(&tree, "dangling"));
    assert_false(vsa_tree_has_name(&tree, "bin"));
    assert_false(vsa_tree_has_name(&tree, "h"));
}

static void archives_are_checked(void **state)
{
    VSA_AUTO_TREE struct vsa_tree twice = {.nodes = NULL};
    VSA_AUTO_TREE struct vsa_tree orphan = {.nodes = NULL};
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file archive = {NULL, 0, false};
    (void)state;
    add_text(&twice, "a", "1");
    add_text(&twice, "a", "2");
    assert_int_equal(vsa_tree_archive(&twice, &archive, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "'a' is in the ramdisk twice"));
    add_link(&orphan, "a/b", "c");
    assert_int_equal(vsa_tree_archive(&orphan, &archive, &error), VSA_ERR_ARGUMENT);
    assert_null(archive.data);
}

/* A directory of this machine that has one of everything. */
static char directory[] = "/tmp/vsa-tree-XXXXXX";
static const char *const names[] = {"/a", "/b", "/directory/set", "/link", "/pipe"};

static const char *at(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s%s", directory, name);
    return path;
}

static int make_directory(void **state)
{
    char first[128];
    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(mkdir(at("/directory"), 0755), 0);
    for (size_t i = 0; i < 3; i += 2) {
        int fd = open(at(names[i]), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, "text", 4), 4);
        (void)close(fd);
    }
    (void)snprintf(first, sizeof(first), "%s", at("/a"));
    assert_int_equal(link(first, at("/b")), 0);
    assert_int_equal(symlink("/etc/passwd", at("/link")), 0);
    assert_int_equal(chmod(at("/a"), 0640), 0);
    assert_int_equal(chmod(at("/directory/set"), 06755), 0);
    assert_int_equal(chmod(at("/directory"), 03711), 0);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(at(names[i]));
    (void)rmdir(at("/directory"));
    return rmdir(directory);
}

static void exact_copies(void **state)
{
    VSA_AUTO_TREE struct vsa_tree tree = {.nodes = NULL};
    VSA_AUTO_TREE struct vsa_tree plain = {.nodes = NULL};
    static const struct {
        const char *path;
        enum vsa_cpio_kind kind;
        unsigned exact;
        unsigned plain;
    } rows[] = {
        {"root/a", VSA_CPIO_FILE, 0640, 0644},
        {"root/b", VSA_CPIO_FILE, 0640, 0644},
        {"root/directory", VSA_CPIO_DIRECTORY, 01711, 0755},
        {"root/directory/set", VSA_CPIO_FILE, 0755, 0755},
        {"root/link", VSA_CPIO_SYMLINK, 0777, 0777},
    };
    size_t groups = 6;
    (void)state;
    assert_int_equal(vsa_tree_add_exact(&tree, "root", directory, &groups, &error), VSA_OK);
    assert_int_equal(vsa_tree_add_copy(&plain, "root", directory, &error), VSA_OK);
    assert_int_equal(groups, 7);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct vsa_tree_node *node = vsa_tree_find(&tree, rows[i].path, strlen(rows[i].path));
        assert_non_null(node);
        assert_int_equal(node->kind, rows[i].kind);
        assert_int_equal(node->permissions, rows[i].exact);
        assert_int_equal(node->link_group, i < 2 ? 7 : 0);
        node = vsa_tree_find(&plain, rows[i].path, strlen(rows[i].path));
        assert_int_equal(node->permissions, rows[i].plain);
        assert_int_equal(node->link_group, 0);
    }
    assert_int_equal(tree.count, 1 + sizeof(rows) / sizeof(rows[0]));
}

static void what_cannot_be_copied(void **state)
{
    VSA_AUTO_TREE struct vsa_tree tree = {.nodes = NULL};
    size_t groups = 0;
    (void)state;
    assert_int_equal(vsa_tree_add_exact(&tree, "root", at("/none"), &groups, &error), VSA_ERR_IO);
    assert_int_equal(vsa_tree_add_exact(&tree, "root", at("/a"), &groups, &error),
                     VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "only a directory can become /"));
    assert_int_equal(mkfifo(at("/pipe"), 0600), 0);
    assert_int_equal(vsa_tree_add_exact(&tree, "root", directory, &groups, &error),
                     VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "neither a file nor a directory nor a link"));
    assert_int_equal(vsa_tree_add_copy(&tree, "x/pipe", at("/pipe"), &error), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_tree_add_copy(&tree, "x/null", "/dev/null", &error), VSA_ERR_ARGUMENT);
    (void)unlink(at("/pipe"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories_come_along), cmocka_unit_test(files_by_path),
        cmocka_unit_test(archives_are_checked),   cmocka_unit_test(exact_copies),
        cmocka_unit_test(what_cannot_be_copied),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
