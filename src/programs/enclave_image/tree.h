/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of files in memory that becomes a ramdisk. */
#ifndef VSA_PROGRAMS_ENCLAVE_IMAGE_TREE_H
#define VSA_PROGRAMS_ENCLAVE_IMAGE_TREE_H

#include "image/cpio.h"
#include "programs/files.h"

struct image_tree {
    struct vsa_cpio_entry *entries;
    void **owned; /* their paths and contents, two for each entry, in the order of adding */
    size_t count;
    size_t capacity;
    size_t total; /* bytes of all contents */
};

void image_tree_free(struct image_tree *tree);

/* All `path`s are relative, without a slash at either end; folders above are added, mode 0755. */
VSA_MUST_USE enum vsa_status image_tree_add_folder(struct image_tree *tree, const char *path,
                                                   struct vsa_error *error);
/* Contents are copied. */
VSA_MUST_USE enum vsa_status image_tree_add_bytes(struct image_tree *tree, const char *path,
                                                  unsigned permissions, struct vsa_slice bytes,
                                                  struct vsa_error *error);
/*
 * A file or a whole folder of this machine. Owners, times and special bits are left behind; what
 * its owner may execute is 0755, other files 0644, folders 0755. Links within a folder stay links.
 */
VSA_MUST_USE enum vsa_status image_tree_add_copy(struct image_tree *tree, const char *path,
                                                 const char *source, struct vsa_error *error);

/* The contents of the file at `path`, absent when there is none. */
struct vsa_slice image_tree_file(const struct image_tree *tree, const char *path);

/* Is there something at `path`, or could there be through a symbolic link? */
bool image_tree_may_have(const struct image_tree *tree, const char *path);

/* Sorts the tree and makes the archive; `archive` is the caller's. */
VSA_MUST_USE enum vsa_status image_tree_archive(struct image_tree *tree, struct file_bytes *archive,
                                                struct vsa_error *error);

#endif
