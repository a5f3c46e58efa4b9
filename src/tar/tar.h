/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader of tar archives: the ustar form of POSIX.1 with pax headers (POSIX pax, "Extended
 * description") and GNU's long names. Strict, because it reads what registries and builders give:
 * what it does not know is refused, and nothing is read twice in two ways.
 */
#ifndef VSA_TAR_TAR_H
#define VSA_TAR_TAR_H

#include <stdbool.h>

#include <vsattest/base.h>
#include <vsattest/limits.h>

enum vsa_tar_kind { VSA_TAR_FILE, VSA_TAR_DIRECTORY, VSA_TAR_SYMLINK, VSA_TAR_HARD_LINK };

struct vsa_tar_entry {
    enum vsa_tar_kind kind;
    unsigned permissions;  /* the lower 12 bits of the mode */
    struct vsa_slice data; /* contents of a file, borrowed */
    /* Relative, without "./" before it or a slash at its end; "" is the root. */
    char path[VSA_MAX_ARCHIVE_PATH];
    char target[VSA_MAX_ARCHIVE_PATH]; /* of a symbolic link as it is; of a hard link: as `path` */
};

/* The archive and how much of it was read. Begin with {bytes, 0}. */
struct vsa_tar {
    struct vsa_slice bytes; /* borrowed */
    size_t offset;
};

/* Returns whether the bytes begin like an archive that vsa_tar_read() may take. */
bool vsa_tar_is_archive(struct vsa_slice bytes);

/*
 * Reads the next entry.
 *
 * found  out: false at the end of the archive
 *
 * Errors, with the offset of the header: VSA_ERR_ARGUMENT: no tar archive, a wrong checksum, cut
 * off, bytes behind the end; devices, pipes and other kinds of entries; a path that is absolute,
 * has a part that is empty, "." or "..", more than VSA_MAX_ARCHIVE_DEPTH parts, or is too long.
 */
VSA_MUST_USE enum vsa_status vsa_tar_read(struct vsa_tar *tar, struct vsa_tar_entry *entry,
                                          bool *found, struct vsa_error *error);

#endif
