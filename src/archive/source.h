/* SPDX-License-Identifier: Apache-2.0 */
/* Where the entries of an archive are from: lines, the files of a directory, a tar archive. */
#ifndef VSA_ARCHIVE_SOURCE_H
#define VSA_ARCHIVE_SOURCE_H

#include "archive/entry.h"
#include "archive/lines.h"
#include "file/name_list.h"
#include "file/whole_file.h"
#include "tar/tar.h"

/* Entries come from one thread. Zero it first. */
struct vsa_archive_source {
    enum { VSA_ARCHIVE_LINES, VSA_ARCHIVE_DIRECTORY, VSA_ARCHIVE_TAR } kind;
    uint64_t next_index;
    uint64_t done;  /* bytes, or files of a directory */
    uint64_t total; /* of these; 0: not known */
    int fd;         /* of the input or the directory; 0 is standard input */
    int stop_fd;    /* an eventfd */
    bool ended;
    struct vsa_lines *lines;    /* owned */
    struct vsa_name_list names; /* owned; of a directory */
    struct vsa_whole_file file; /* of a tar archive: mapped */
    struct vsa_tar tar;
    struct vsa_tar_entry *tar_entry; /* owned */
};

/*
 * Opens `path`: a directory, a tar archive, or lines; "-" is standard input, which has lines.
 * Errors: VSA_ERR_IO, VSA_ERR_MEMORY; VSA_ERR_TOO_MANY for more than VSA_MAX_ARCHIVE_ENTRIES files.
 */
VSA_MUST_USE enum vsa_status vsa_archive_source_open(const char *path,
                                                     struct vsa_archive_source *source,
                                                     struct vsa_error *error);
void vsa_archive_source_close(struct vsa_archive_source *source);

/* Ends reading, from another thread: vsa_archive_source_next() does not wait for input any more. */
void vsa_archive_source_stop(const struct vsa_archive_source *source);

/*
 * Reads the next entry. What could not be read is an entry, too: its status says why.
 *
 * entry  out: owned by the caller
 *
 * Returns false at the end.
 */
bool vsa_archive_source_next(struct vsa_archive_source *source, struct vsa_archive_entry *entry);

#endif
