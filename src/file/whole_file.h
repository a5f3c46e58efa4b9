/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files in and out: documents, keys, settings, kernels, ramdisks, whole images. */
#ifndef VSA_FILE_WHOLE_FILE_H
#define VSA_FILE_WHOLE_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include <vsattest/base.h>

struct vsa_whole_file {
    uint8_t *data; /* NULL before and after; release with vsa_whole_file_close() */
    size_t size;
    bool is_mapped;
};

void vsa_whole_file_close(struct vsa_whole_file *file);
#define VSA_AUTO_WHOLE_FILE VSA_CLEANUP(vsa_whole_file_close)

static inline struct vsa_slice vsa_whole_file_slice(const struct vsa_whole_file *file)
{
    return vsa_slice_of(file->data, file->size);
}

/* --- reading ---------------------------------------------------------------------------------- */

/*
 * Reads `path`, standard input for "-", and at most one byte more than `limit`. `data` is never
 * NULL on success. Errors: VSA_ERR_IO, VSA_ERR_TOO_LARGE above `limit` bytes, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_whole_file_read(const char *path, size_t limit,
                                                 struct vsa_whole_file *file,
                                                 struct vsa_error *error);

/*
 * Opens `path`, standard input for "-". Large regular files are mapped, not read: images have
 * gigabytes, and memory stays flat. A mapped file must not be cut short while it is in use: the
 * kernel then ends the process by SIGBUS.
 * `data` is never NULL on success. Errors: VSA_ERR_IO, VSA_ERR_MEMORY; VSA_ERR_TOO_LARGE for pipes
 * with more than VSA_MAX_PIPED_FILE bytes.
 */
VSA_MUST_USE enum vsa_status vsa_whole_file_open(const char *path, struct vsa_whole_file *file,
                                                 struct vsa_error *error);

/* Does the same with an open descriptor, which stays the caller's; `name` is for errors. */
VSA_MUST_USE enum vsa_status
vsa_whole_file_of(int fd, const char *name, struct vsa_whole_file *file, struct vsa_error *error);

/*
 * Reads from `fd` until its end or until `buffer` is full, and sets `*size`. For secrets, which
 * must not be in memory that the caller cannot wipe. Errors: VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_whole_file_fill(int fd, const char *name, uint8_t *buffer,
                                                 size_t capacity, size_t *size,
                                                 struct vsa_error *error);

/* --- writing ---------------------------------------------------------------------------------- */

/* Modes of new files; the umask takes permissions away from both. */
#define VSA_FILE_PRIVATE 0600
#define VSA_FILE_PUBLIC  0666

/*
 * Writes a file that is there as a whole or not at all: a temporary file beside it, synced,
 * renamed. An existing regular file is replaced, anything else is an error.
 * Errors: VSA_ERR_IO; VSA_ERR_CRYPTO when the system has no random numbers.
 */
VSA_MUST_USE enum vsa_status vsa_whole_file_write(const char *path, mode_t mode,
                                                  const struct vsa_slice *parts, size_t count,
                                                  struct vsa_error *error);

/*
 * Does the same in an open directory (openat(2)), with a temporary file of the caller's choice,
 * which must not exist. An existing `name` is replaced, whatever it is.
 */
VSA_MUST_USE enum vsa_status vsa_whole_file_replace(int directory, const char *temporary,
                                                    const char *name, mode_t mode,
                                                    const struct vsa_slice *parts, size_t count,
                                                    struct vsa_error *error);

#endif
