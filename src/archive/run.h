/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifies an archive: one thread reads, several verify, the caller's takes the results in the
 * order of the entries. What is read ahead is bounded, so memory does not depend on the archive.
 */
#ifndef VSA_ARCHIVE_RUN_H
#define VSA_ARCHIVE_RUN_H

#include "archive/source.h"

#define VSA_MAX_ARCHIVE_WORKERS 1024

struct vsa_archive_plan {
    struct vsa_verifier *verifier;
    const struct vsa_archive_expectations *expectations;
    const char *options; /* of vsa_archive_result_line() */
    struct vsa_archive_source *source;
    size_t workers; /* 1 to VSA_MAX_ARCHIVE_WORKERS */
    uint64_t skip;  /* entries at the beginning that are read and nothing else */
    /* Takes the next entry, in the caller's thread; a failure ends the run. */
    enum vsa_status (*take)(void *context, const struct vsa_archive_entry *entry,
                            struct vsa_error *error);
    void *context;
};

/*
 * Verifies all entries. An entry that does not verify is no failure.
 * Errors: those of `take`; VSA_ERR_MEMORY; VSA_ERR_INTERNAL when no thread can be made;
 * VSA_ERR_ARGUMENT for an archive with fewer entries than are to be skipped.
 */
VSA_MUST_USE enum vsa_status vsa_archive_run(const struct vsa_archive_plan *run,
                                             struct vsa_error *error);

#endif
