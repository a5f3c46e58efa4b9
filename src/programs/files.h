/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files in and out. */
#ifndef VSA_PROGRAMS_FILES_H
#define VSA_PROGRAMS_FILES_H

#include "base/cleanup.h"
#include <vsattest/base.h>

struct file_bytes {
    uint8_t *data; /* NULL before and after; free with file_bytes_free */
    size_t size;
};

void file_bytes_free(struct file_bytes *bytes);
#define AUTO_FILE_BYTES VSA_CLEANUP(file_bytes_free)

static inline struct vsa_slice file_bytes_slice(const struct file_bytes *bytes)
{
    return vsa_slice_of(bytes->data, bytes->size);
}

/*
 * All of a file, or of standard input when `path` is "-". `data` is never NULL on success.
 * Errors: VSA_ERR_IO, VSA_ERR_TOO_LARGE above `limit` bytes, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status files_read(const char *path, size_t limit, struct file_bytes *bytes,
                                        struct vsa_error *error);

/*
 * Writes a file that is there as a whole or not at all, readable by its owner only: a temporary
 * file beside it, synced, renamed. An existing regular file is replaced, anything else refused.
 * Errors: VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status files_write_atomically(const char *path, struct vsa_slice bytes,
                                                    struct vsa_error *error);

/* As above, for files that are no secret: the umask decides who may read them. */
VSA_MUST_USE enum vsa_status files_publish_atomically(const char *path, struct vsa_slice bytes,
                                                      struct vsa_error *error);

/* The same of bytes that lie in several places. */
VSA_MUST_USE enum vsa_status files_publish_parts(const char *path, const struct vsa_slice *parts,
                                                 size_t count, struct vsa_error *error);

#endif
