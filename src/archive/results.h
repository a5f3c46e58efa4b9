/* SPDX-License-Identifier: Apache-2.0 */
/* Results of an archive, one JSON object a line, and reading them again to go on from there. */
#ifndef VSA_ARCHIVE_RESULTS_H
#define VSA_ARCHIVE_RESULTS_H

#include <stdio.h>

#include "archive/entry.h"

/*
 * Makes the line of an entry, owned by the caller.
 *
 * claims   in: of one that was verified, else NULL
 * options  in: stands for what was expected of all; in the line of the first entry. NULL: in none
 *
 * Returns NULL when memory is short.
 */
char *vsa_archive_result_line(const struct vsa_archive_entry *entry,
                              const struct vsa_archive_request *request,
                              const struct vsa_claims *claims, const char *options);

/* Different failures that are counted. */
#define VSA_ARCHIVE_FAILURES 128

/* How entries ended. Zeroed: there was none. */
struct vsa_archive_tally {
    uint64_t entries;
    uint64_t verified;
    struct {
        enum vsa_status status;
        uint64_t count; /* 0: this one and those behind are not used */
    } failures[VSA_ARCHIVE_FAILURES];
};

void vsa_archive_tally_add(struct vsa_archive_tally *tally, enum vsa_status status);

/*
 * Counts the results in a file, from its beginning. A last line without its newline is not counted:
 * the run that wrote it ended there. It must begin as a result all the same.
 *
 * options  in: what the first line must have; NULL: not compared
 * tally    in/out: zeroed before
 * size     out: bytes of the lines that are counted
 *
 * Errors: VSA_ERR_ARGUMENT for results of a run with other options; VSA_ERR_JSON where the lines
 * are not the results of the entries 0, 1, 2 ...; VSA_ERR_LINE_TOO_LONG, VSA_ERR_IO,
 * VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_archive_results_read(int fd, const char *options,
                                                      struct vsa_archive_tally *tally,
                                                      uint64_t *size, struct vsa_error *error);

/*
 * Opens a file of results to go on behind what it holds, and makes it if there is none. It is
 * locked, and half a line at its end is cut off.
 *
 * options  in: as above
 * file     out: owned by the caller, also after a failure; or NULL
 * tally    in/out: zeroed before; counts the results that are there
 *
 * Errors: as above; VSA_ERR_IO also while another run writes it.
 */
VSA_MUST_USE enum vsa_status vsa_archive_results_open(const char *path, const char *options,
                                                      FILE **file, struct vsa_archive_tally *tally,
                                                      struct vsa_error *error);

#endif
