/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a directory, sorted: the order of readdir(3) may be another in the next run. */
#ifndef VSA_FILE_NAME_LIST_H
#define VSA_FILE_NAME_LIST_H

#include "base/cleanup.h"
#include <vsattest/base.h>

struct vsa_name_list {
    size_t count;
    char **names; /* without the directory; NULL before and after */
};

/*
 * Lists an open directory, whose position it moves.
 *
 * suffix  in: only names that have more than this at their end and do not begin with '.';
 *         NULL: all but "." and ".."
 * limit   in: most names
 * list    out: released with vsa_name_list_close()
 *
 * Errors: VSA_ERR_IO, VSA_ERR_TOO_MANY, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_name_list_of(int fd, const char *suffix, size_t limit,
                                              struct vsa_name_list *list, struct vsa_error *error);

/* Does the same with a directory's path. */
VSA_MUST_USE enum vsa_status vsa_name_list_read(const char *path, const char *suffix, size_t limit,
                                                struct vsa_name_list *list,
                                                struct vsa_error *error);

void vsa_name_list_close(struct vsa_name_list *list);
#define VSA_AUTO_NAME_LIST VSA_CLEANUP(vsa_name_list_close)

#endif
