/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"

#define FIRST_CHUNK 16384

void file_bytes_free(struct file_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct file_bytes){NULL, 0};
}

static const char *name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static enum vsa_status fail_errno(struct vsa_error *error, const char *verb, const char *path)
{
    return vsa_fail(error, VSA_ERR_IO, "cannot %s %.160s: %s", verb, path, strerror(errno));
}

static enum vsa_status grow(struct file_bytes *bytes, size_t *capacity, size_t limit,
                            struct vsa_error *error)
{
    size_t wanted = *capacity ? *capacity * 2 : FIRST_CHUNK;
    /* One byte above the limit separates a file that is too long from one that just fits. */
    if (wanted > limit + 1)
        wanted = limit + 1;
    uint8_t *larger = realloc(bytes->data, wanted);
    if (!larger)
        return vsa_fail_memory(error);
    bytes->data = larger;
    *capacity = wanted;
    return VSA_OK;
}

static enum vsa_status read_all(int fd, const char *path, size_t limit, struct file_bytes *bytes,
                                struct vsa_error *error)
{
    size_t capacity = 0;
    for (;;) {
        if (bytes->size == capacity)
            VSA_TRY(grow(bytes, &capacity, limit, error));
        ssize_t n = read(fd, bytes->data + bytes->size, capacity - bytes->size);
        if (n == 0)
            return VSA_OK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(error, "read", name_of(path));
        bytes->size += (size_t)n;
        if (bytes->size > limit)
            return vsa_fail(error, VSA_ERR_TOO_LARGE, "%.160s has more than %zu bytes",
                            name_of(path), limit);
    }
}

enum vsa_status files_read(const char *path, size_t limit, struct file_bytes *bytes,
                           struct vsa_error *error)
{
    *bytes = (struct file_bytes){NULL, 0};
    AUTO_FILE_BYTES struct file_bytes filled = {NULL, 0};
    VSA_AUTO_FD int opened = -1;
    if (strcmp(path, "-") != 0) {
        opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (opened < 0)
            return fail_errno(error, "open", path);
    }
    VSA_TRY(read_all(opened >= 0 ? opened : STDIN_FILENO, path, limit, &filled, error));
    *bytes = filled;
    filled.data = NULL;
    return VSA_OK;
}

static enum vsa_status write_all(int fd, struct vsa_slice bytes, const char *path,
                                 struct vsa_error *error)
{
    while (bytes.size) {
        ssize_t n = write(fd, bytes.data, bytes.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(error, "write", path);
        bytes = vsa_slice_of(bytes.data + n, bytes.size - (size_t)n);
    }
    return VSA_OK;
}

/* Renaming onto a device or a link would destroy it. */
static enum vsa_status check_replaceable(const char *path, struct vsa_error *error)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT ? VSA_OK : fail_errno(error, "write", path);
    if (S_ISREG(status.st_mode))
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_IO, "cannot write %.160s: it exists and is not a regular file",
                    path);
}

/* The rename itself outlives a crash only once the directory is written; not all systems can. */
static void sync_folder(const char *path, size_t directory_length)
{
    char directory[4096];
    (void)snprintf(directory, sizeof(directory), "%.*s", (int)directory_length,
                   directory_length ? path : ".");
    VSA_AUTO_FD int fd =
        open(directory_length ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd);
}

static enum vsa_status write_and_rename(int fd, const char *temporary, const char *path,
                                        mode_t mode, const struct vsa_slice *parts, size_t count,
                                        struct vsa_error *error)
{
    if (fchmod(fd, mode) != 0)
        return fail_errno(error, "write", path);
    for (size_t i = 0; i < count; i++)
        VSA_TRY(write_all(fd, parts[i], path, error));
    if (fsync(fd) != 0)
        return fail_errno(error, "write", path);
    return rename(temporary, path) == 0 ? VSA_OK : fail_errno(error, "write", path);
}

static enum vsa_status write_new(const char *path, mode_t mode, const struct vsa_slice *parts,
                                 size_t count, struct vsa_error *error)
{
    char temporary[4096];
    const char *slash = strrchr(path, '/');
    size_t directory_length = slash ? (size_t)(slash - path) + 1 : 0;
    int length = snprintf(temporary, sizeof(temporary), "%.*s.%s.XXXXXX", (int)directory_length,
                          path, path + directory_length);
    if (length < 0 || (size_t)length >= sizeof(temporary) || !path[directory_length])
        return vsa_fail(error, VSA_ERR_IO, "cannot write '%.160s': not a file name", path);
    VSA_TRY(check_replaceable(path, error));
    VSA_AUTO_FD int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return fail_errno(error, "write", path);
    enum vsa_status status = write_and_rename(fd, temporary, path, mode, parts, count, error);
    if (status != VSA_OK)
        (void)unlink(temporary);
    else
        sync_folder(path, directory_length);
    return status;
}

enum vsa_status files_write_atomically(const char *path, struct vsa_slice bytes,
                                       struct vsa_error *error)
{
    return write_new(path, 0600, &bytes, 1, error);
}

enum vsa_status files_publish_parts(const char *path, const struct vsa_slice *parts, size_t count,
                                    struct vsa_error *error)
{
    mode_t mask = umask(0077);
    (void)umask(mask);
    return write_new(path, 0666 & ~mask, parts, count, error);
}

enum vsa_status files_publish_atomically(const char *path, struct vsa_slice bytes,
                                         struct vsa_error *error)
{
    return files_publish_parts(path, &bytes, 1, error);
}
