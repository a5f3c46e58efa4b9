/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of files in memory that becomes a ramdisk. */
#ifndef VSA_IMAGE_TREE_H
#define VSA_IMAGE_TREE_H

#include "file/whole_file.h"
#include "image/cpio.h"

struct vsa_tree_node {
    struct vsa_slice data;       /* a file's bytes, a link's target */
    struct vsa_whole_file owned; /* what `data` borrows, unless that is the caller's */
    enum vsa_cpio_kind kind;
    unsigned permissions;
    size_t link_group; /* number above 0 that the names of one file have in common */
    char path[];
};

struct vsa_tree {
    struct vsa_tree_node **nodes; /* in the order of adding */
    void *index;                  /* the same by path: tsearch(3) */
    size_t count;
    size_t capacity;
};

void vsa_tree_free(struct vsa_tree *tree);
#define VSA_AUTO_TREE VSA_CLEANUP(vsa_tree_free)

/*
 * Adds a directory. Here and below `path` is relative, without a slash at either end, and
 * directories above it are added, 0755.
 */
VSA_MUST_USE enum vsa_status vsa_tree_add_directory(struct vsa_tree *tree, const char *path,
                                                    struct vsa_error *error);
/* Adds a file with a copy of the contents. */
VSA_MUST_USE enum vsa_status vsa_tree_add_bytes(struct vsa_tree *tree, const char *path,
                                                unsigned permissions, struct vsa_slice bytes,
                                                struct vsa_error *error);
/*
 * Adds a file or a whole directory of this machine. Owners, times and special bits are left behind;
 * what its owner may execute is 0755, other files 0644, directories 0755. Links below `source` stay
 * links: what is opened is what was checked, whatever another process does to the tree meanwhile. A
 * `source` that is itself a link is followed.
 */
VSA_MUST_USE enum vsa_status vsa_tree_add_copy(struct vsa_tree *tree, const char *path,
                                               const char *source, struct vsa_error *error);

/*
 * Adds a directory of this machine with all below it: as above, but with the permissions as they
 * are, without the special bits (the sticky bit of directories stays), and hard links kept.
 *
 * link_groups  in/out: numbers of hard links that are taken
 */
VSA_MUST_USE enum vsa_status vsa_tree_add_exact(struct vsa_tree *tree, const char *path,
                                                const char *source, size_t *link_groups,
                                                struct vsa_error *error);

/*
 * Adds a node alone, without directories above it; `data` is borrowed until vsa_tree_free().
 * vsa_tree_archive() refuses two nodes of one path, and a node without its directory.
 */
VSA_MUST_USE enum vsa_status vsa_tree_add_borrowed(struct vsa_tree *tree, const char *path,
                                                   enum vsa_cpio_kind kind, unsigned permissions,
                                                   struct vsa_slice data, size_t link_group,
                                                   struct vsa_error *error);

/*
 * Finds the node of the first `length` characters of `path`. NULL when there is none, and when
 * there is no memory to search: adding it then fails for the same reason.
 */
struct vsa_tree_node *vsa_tree_find(const struct vsa_tree *tree, const char *path, size_t length);

/*
 * Finds the file at an absolute path as a program with `root` as its root directory would: links
 * are followed. False when there is none; `data` is set when there is.
 */
bool vsa_tree_find_file(const struct vsa_tree *tree, const char *root, const char *path,
                        struct vsa_slice *data);

/* Returns whether a file or a link in any directory has this name. */
bool vsa_tree_has_name(const struct vsa_tree *tree, const char *name);

/* Sorts the tree and makes the archive; `archive` is the caller's. */
VSA_MUST_USE enum vsa_status vsa_tree_archive(const struct vsa_tree *tree,
                                              struct vsa_whole_file *archive,
                                              struct vsa_error *error);

#endif
