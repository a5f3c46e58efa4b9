/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpio archives in the "newc" form that Linux unpacks as ramdisks (linux
 * Documentation/driver-api/early-userspace/buffer-format.rst). Reproducible: the bytes depend on
 * names, modes and contents alone; owner 0:0 and time 0 everywhere.
 */
#ifndef VSA_IMAGE_CPIO_H
#define VSA_IMAGE_CPIO_H

#include <stdbool.h>

#include <vsattest/base.h>
#include <vsattest/limits.h>

enum vsa_cpio_kind { VSA_CPIO_DIRECTORY, VSA_CPIO_FILE, VSA_CPIO_SYMLINK };

struct vsa_cpio_entry {
    const char *path; /* "rootfs/app/server": relative, no "." or ".." */
    enum vsa_cpio_kind kind;
    unsigned permissions;  /* 0755 */
    struct vsa_slice data; /* a file's contents, a link's target; absent for a directory */
    size_t link_group;     /* for the caller's use */
    unsigned links;        /* names of this file when above 1; then the first one has the data */
    size_t inode;          /* then: position of the first one, from 1 on; otherwise ignored */
};

/* Puts entries into the order of their paths' bytes, parents before children. */
void vsa_cpio_sort(struct vsa_cpio_entry *entries, size_t count);

/*
 * Checks what is to be written: paths as above, sorted, none twice, each in a directory that is
 * there (Linux drops a file without its directory silently), contents below 4 GiB.
 * Errors: VSA_ERR_ARGUMENT naming the path, VSA_ERR_TOO_MANY.
 */
VSA_MUST_USE enum vsa_status vsa_cpio_check(const struct vsa_cpio_entry *entries, size_t count,
                                            struct vsa_error *error);

/* Returns the bytes that vsa_cpio_write() needs. */
size_t vsa_cpio_size(const struct vsa_cpio_entry *entries, size_t count);

/* Writes the archive. Errors: those of vsa_cpio_check(), VSA_ERR_BUFFER. */
VSA_MUST_USE enum vsa_status vsa_cpio_write(const struct vsa_cpio_entry *entries, size_t count,
                                            void *buffer, size_t capacity,
                                            struct vsa_slice *archive, struct vsa_error *error);

#endif
