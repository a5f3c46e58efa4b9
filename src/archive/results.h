/* SPDX-License-Identifier: Apache-2.0 */
/* Results of an archive, one JSON object a line, and reading them again to go on from there. */
#ifndef VSA_ARCHIVE_RESULTS_H
#define VSA_ARCHIVE_RESULTS_H

#include "archive/entry.h"

/*
 * Makes the line of an entry, owned by the caller. `claims`: of one that was verified, else NULL.
 * Returns NULL when memory is short.
 */
char *vsa_archive_result_line(const struct vsa_archive_entry *entry,
                              const struct vsa_archive_request *request,
                              const struct vsa_claims *claims);

/* Takes the status of one entry. */
typedef void vsa_archive_count(void *context, enum vsa_status status);

/* What a file of results holds already. */
struct vsa_archive_progress {
    uint64_t entries; /* that have a whole line */
    uint64_t size;    /* bytes of these lines; what follows was cut off */
};

/*
 * Reads a file of results from its beginning, and passes the status of each entry to `count`. A
 * last line without its newline is not counted: the run that wrote it ended there.
 * Errors: VSA_ERR_JSON where the lines are not the results of the entries 0, 1, 2 ...;
 * VSA_ERR_LINE_TOO_LONG, VSA_ERR_IO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_archive_progress_read(int fd,
                                                       struct vsa_archive_progress *progress,
                                                       vsa_archive_count *count, void *context,
                                                       struct vsa_error *error);

#endif
