/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/slice.h"
#include "file/whole_file.h"

/* Fills `buffer`; not by mapping or in memory that grows, of which copies stay behind. */
static enum vsa_status fill(const char *path, uint8_t *buffer, size_t capacity, size_t *size,
                            struct vsa_error *error)
{
    VSA_AUTO_FD int fd = -1;
    if (strcmp(path, "-") == 0)
        return vsa_whole_file_fill(STDIN_FILENO, "standard input", buffer, capacity, size, error);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot open %.160s: %s", path, strerror(errno));
    return vsa_whole_file_fill(fd, path, buffer, capacity, size, error);
}

enum vsa_status secret_file_read(const char *option, const char *path, size_t limit,
                                 enum vsa_status (*take)(void *context, struct vsa_slice bytes,
                                                         struct vsa_error *error),
                                 void *context, struct vsa_error *error)
{
    size_t size = 0;
    if (!path)
        return VSA_OK;
    /* One byte above the limit separates a file that is too long from one that just fits. */
    size_t capacity = limit + 1;
    uint8_t *buffer = malloc(capacity);
    if (!buffer)
        return vsa_fail_memory(error);
    enum vsa_status status = fill(path, buffer, capacity, &size, error);
    if (status == VSA_OK)
        status = size > limit ? vsa_fail(error, VSA_ERR_TOO_LARGE, "more than %zu bytes", limit)
                              : take(context, vsa_slice_of(buffer, size), error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "%s", option);
    vsa_wipe(buffer, capacity);
    free(buffer);
    return status;
}
