/* SPDX-License-Identifier: Apache-2.0 */
/* Files that may hold a secret, which must not stay in memory. */
#ifndef VSA_COMMAND_LINE_SECRET_FILE_H
#define VSA_COMMAND_LINE_SECRET_FILE_H

#include <vsattest/base.h>

/*
 * Reads a file, and has `take` do something with what it holds, which is wiped then.
 *
 * option  in: for errors: "--sign-key"
 * path    in: - is standard input; NULL: nothing is done
 * limit   in: bytes that the file may have
 *
 * Errors: VSA_ERR_IO, VSA_ERR_TOO_LARGE, VSA_ERR_MEMORY, those of `take`; all with the option.
 */
VSA_MUST_USE enum vsa_status secret_file_read(const char *option, const char *path, size_t limit,
                                              enum vsa_status (*take)(void *context,
                                                                      struct vsa_slice bytes,
                                                                      struct vsa_error *error),
                                              void *context, struct vsa_error *error);

#endif
