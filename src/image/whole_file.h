/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of files as slices: kernels, ramdisks, whole images. */
#ifndef VSA_IMAGE_WHOLE_FILE_H
#define VSA_IMAGE_WHOLE_FILE_H

#include <stdbool.h>

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

/*
 * Opens `path`, standard input for "-". Large regular files are mapped, not read: images have
 * gigabytes, and memory stays flat. A mapped file must not be cut short while it is in use: the
 * kernel then ends the process by SIGBUS.
 * `data` is never NULL on success. Errors: VSA_ERR_IO, VSA_ERR_MEMORY; VSA_ERR_TOO_LARGE for pipes
 * with more than VSA_MAX_PIPED_FILE bytes.
 */
VSA_MUST_USE enum vsa_status vsa_whole_file_open(const char *path, struct vsa_whole_file *file,
                                                 struct vsa_error *error);

/* Reads an open descriptor, which stays the caller's; `name` is for errors. */
VSA_MUST_USE enum vsa_status
vsa_whole_file_of(int fd, const char *name, struct vsa_whole_file *file, struct vsa_error *error);

#endif
