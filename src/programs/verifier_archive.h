/* SPDX-License-Identifier: Apache-2.0 */
/* verifier --archive: results on standard output, progress and a summary on standard error. */
#ifndef VSA_PROGRAMS_VERIFIER_ARCHIVE_H
#define VSA_PROGRAMS_VERIFIER_ARCHIVE_H

#include "command_line/exit_code.h"
#include "command_line/policy_options.h"

struct archive_arguments {
    const char *path;   /* --archive; NULL without */
    const char *jobs;   /* --jobs, as it was given; NULL without */
    const char *resume; /* --resume; NULL without */
};

/* Checks what belongs together. Errors: VSA_ERR_ARGUMENT. */
VSA_MUST_USE enum vsa_status archive_arguments_check(const struct archive_arguments *arguments,
                                                     struct vsa_error *error);

/*
 * Verifies the archive. `*worst` is the exit status of the worst entry, whatever is returned.
 * Errors: VSA_ERR_IO, VSA_ERR_MEMORY, those of reading the results to go on from.
 */
VSA_MUST_USE enum vsa_status archive_verify(const struct archive_arguments *arguments,
                                            const struct policy_options *policy,
                                            enum exit_code *worst, struct vsa_error *error);

#endif
