/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An application's file tree from outside: directories, tar archives, and the archives of `docker
 * save`, one above the other, with whiteouts (OCI image specification, layer.md).
 */
#ifndef VSA_IMAGE_LAYERS_H
#define VSA_IMAGE_LAYERS_H

#include "image/tree.h"

struct vsa_layers {
    struct vsa_tree trees[VSA_MAX_IMAGE_LAYERS]; /* from the lowest to the uppermost */
    size_t count;
    struct vsa_whole_file files[VSA_MAX_IMAGE_LAYERS]; /* what the trees borrow */
    size_t file_count;
    size_t link_groups; /* numbers of hard links that are taken */
};

void vsa_layers_free(struct vsa_layers *layers);
#define VSA_AUTO_LAYERS VSA_CLEANUP(vsa_layers_free)

/*
 * Reads a directory, or a tar archive: above the layers that are there. An archive with a
 * manifest.json as `docker save` writes it adds the layers that it names.
 * Owners, times, extended attributes and special bits are left behind; permissions, the sticky bit
 * of directories, symbolic and hard links are kept.
 *
 * Errors: VSA_ERR_ARGUMENT (see tar/tar.h; a file twice; a hard link to what is not in the layer
 * before it; a compressed layer; a name that whiteouts reserve), VSA_ERR_TOO_MANY, VSA_ERR_IO,
 * VSA_ERR_MEMORY; of a manifest: those of vsa_json_load().
 */
VSA_MUST_USE enum vsa_status vsa_layers_add(struct vsa_layers *layers, const char *source,
                                            struct vsa_error *error);

/* Reads an archive in memory, borrowed, in the same way; `name` is for errors. */
VSA_MUST_USE enum vsa_status vsa_layers_read_archive(struct vsa_layers *layers, const char *name,
                                                     struct vsa_slice archive,
                                                     struct vsa_error *error);

/*
 * Adds what a container of these layers would have as its file system to an empty tree, below
 * `rootfs`. The tree borrows from the layers.
 */
VSA_MUST_USE enum vsa_status vsa_layers_merge(const struct vsa_layers *layers,
                                              struct vsa_tree *tree, struct vsa_error *error);

#endif
