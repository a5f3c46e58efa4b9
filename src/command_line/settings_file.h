/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files of lines `name = value`; blank lines and those that begin with # count for
 * nothing. The value is the rest of the line, without blanks at both ends.
 */
#ifndef VSA_COMMAND_LINE_SETTINGS_FILE_H
#define VSA_COMMAND_LINE_SETTINGS_FILE_H

#include <vsattest/base.h>

/*
 * Reads a file and calls `take` for each setting.
 *
 * text  out: what names and values borrow from; the caller frees it, also after a failure
 *
 * Errors: VSA_ERR_ARGUMENT (no '=', control characters) and those of `take`, with file and line;
 * VSA_ERR_IO, VSA_ERR_TOO_LARGE above VSA_MAX_CONFIG_FILE, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status
settings_file_read(const char *path, char **text,
                   enum vsa_status (*take)(void *user, const char *name, const char *value,
                                           struct vsa_error *error),
                   void *user, struct vsa_error *error);

#endif
