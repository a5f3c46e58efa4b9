/* SPDX-License-Identifier: Apache-2.0 */
#include "file/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/error.h"
#include <vsattest/limits.h>

/* Smaller files are read: Linux allows a process 65530 mappings, and a tree may have more files. */
#define SMALLEST_MAPPED (1024 * 1024)
#define FIRST_CHUNK     16384
/* Half of the address space where that is less than the limit. */
#define PIPED_LIMIT                                                                                \
    ((size_t)(VSA_MAX_PIPED_FILE < SIZE_MAX / 2 ? VSA_MAX_PIPED_FILE : SIZE_MAX / 2))

void vsa_whole_file_close(struct vsa_whole_file *file)
{
    if (file->is_mapped)
        (void)munmap(file->data, file->size);
    else
        free(file->data);
    *file = (struct vsa_whole_file){NULL, 0, false};
}

static enum vsa_status fail_errno(struct vsa_error *error, const char *verb, const char *name)
{
    return vsa_fail(error, VSA_ERR_IO, "cannot %s %.160s: %s", verb, name, strerror(errno));
}

/* --- reading ---------------------------------------------------------------------------------- */

enum vsa_status vsa_whole_file_fill(int fd, const char *name, uint8_t *buffer, size_t capacity,
                                    size_t *size, struct vsa_error *error)
{
    size_t filled = 0;
    while (filled < capacity) {
        ssize_t n = read(fd, buffer + filled, capacity - filled);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(error, "read", name);
        filled += (size_t)n;
    }
    *size = filled;
    return VSA_OK;
}

/*
 * Reads until the end. `expected` is an estimate: a file may grow, and a pipe has no size. One byte
 * above the limit separates a file that is too long from one that just fits.
 */
static enum vsa_status read_whole(int fd, const char *name, size_t expected, size_t limit,
                                  struct vsa_whole_file *file, struct vsa_error *error)
{
    size_t capacity = expected < limit ? expected + 1 : limit + 1;
    for (;;) {
        uint8_t *larger = realloc(file->data, capacity);
        if (!larger)
            return vsa_fail_memory(error);
        file->data = larger;
        size_t count = 0;
        VSA_TRY(vsa_whole_file_fill(fd, name, larger + file->size, capacity - file->size, &count,
                                    error));
        file->size += count;
        if (file->size > limit)
            return vsa_fail(error, VSA_ERR_TOO_LARGE, "%.160s has more than %zu bytes", name,
                            limit);
        if (file->size < capacity)
            return VSA_OK;
        capacity = capacity > limit / 2 ? limit + 1 : capacity * 2;
    }
}

/* Opens `path`; "-" gives standard input, which is not the caller's to close: `*opened` is -1. */
static enum vsa_status open_input(const char *path, int *opened, int *fd, const char **name,
                                  struct vsa_error *error)
{
    *opened = -1;
    *fd = STDIN_FILENO;
    *name = "standard input";
    if (strcmp(path, "-") == 0)
        return VSA_OK;
    *fd = *opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    *name = path;
    return *opened >= 0 ? VSA_OK : fail_errno(error, "open", path);
}

enum vsa_status vsa_whole_file_read(const char *path, size_t limit, struct vsa_whole_file *file,
                                    struct vsa_error *error)
{
    VSA_AUTO_FD int opened = -1;
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file filled = {NULL, 0, false};
    int fd;
    const char *name;
    *file = filled;
    VSA_TRY(open_input(path, &opened, &fd, &name, error));
    VSA_TRY(read_whole(fd, name, FIRST_CHUNK, limit, &filled, error));
    *file = filled;
    filled = (struct vsa_whole_file){NULL, 0, false};
    return VSA_OK;
}

enum vsa_status vsa_whole_file_of(int fd, const char *name, struct vsa_whole_file *file,
                                  struct vsa_error *error)
{
    struct stat status;
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file opened = {NULL, 0, false};
    *file = opened;
    if (fstat(fd, &status) != 0)
        return fail_errno(error, "read", name);
    bool is_regular = S_ISREG(status.st_mode);
    if (is_regular && status.st_size >= SMALLEST_MAPPED) {
        size_t size = (size_t)status.st_size;
        if ((off_t)size != status.st_size)
            return vsa_fail(error, VSA_ERR_TOO_LARGE,
                            "%.160s is larger than this program's memory: use a 64-bit build",
                            name);
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            return fail_errno(error, "map", name);
        opened = (struct vsa_whole_file){data, size, true};
    } else {
        size_t expected = is_regular ? (size_t)status.st_size : FIRST_CHUNK;
        VSA_TRY(read_whole(fd, name, expected, PIPED_LIMIT, &opened, error));
    }
    *file = opened;
    opened = (struct vsa_whole_file){NULL, 0, false};
    return VSA_OK;
}

enum vsa_status vsa_whole_file_open(const char *path, struct vsa_whole_file *file,
                                    struct vsa_error *error)
{
    VSA_AUTO_FD int opened = -1;
    int fd;
    const char *name;
    *file = (struct vsa_whole_file){NULL, 0, false};
    VSA_TRY(open_input(path, &opened, &fd, &name, error));
    return vsa_whole_file_of(fd, name, file, error);
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum vsa_status write_all(int fd, const char *name, struct vsa_slice bytes,
                                 struct vsa_error *error)
{
    while (bytes.size) {
        ssize_t n = write(fd, bytes.data, bytes.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(error, "write", name);
        bytes = vsa_slice_of(bytes.data + n, bytes.size - (size_t)n);
    }
    return VSA_OK;
}

/*
 * Writes the directory of `name`: only then does a rename outlive a crash. Directories that may not
 * be read, and file systems that cannot sync them (EINVAL), leave it at the rename.
 */
static enum vsa_status sync_directory(int directory, const char *name, struct vsa_error *error)
{
    char path[4096];
    const char *slash = strrchr(name, '/');
    int length = slash ? (int)(slash - name) + 1 : 0;
    (void)snprintf(path, sizeof(path), "%.*s", length ? length : 1, length ? name : ".");
    VSA_AUTO_FD int fd = openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) != 0 && errno != EINVAL)
        return fail_errno(error, "write the directory of", name);
    return VSA_OK;
}

static enum vsa_status write_and_rename(int fd, int directory, const char *temporary,
                                        const char *name, const struct vsa_slice *parts,
                                        size_t count, struct vsa_error *error)
{
    for (size_t i = 0; i < count; i++)
        VSA_TRY(write_all(fd, name, parts[i], error));
    if (fsync(fd) != 0 || renameat(directory, temporary, directory, name) != 0)
        return fail_errno(error, "write", name);
    return VSA_OK;
}

enum vsa_status vsa_whole_file_replace(int directory, const char *temporary, const char *name,
                                       mode_t mode, const struct vsa_slice *parts, size_t count,
                                       struct vsa_error *error)
{
    VSA_AUTO_FD int fd =
        openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return fail_errno(error, "write", name);
    enum vsa_status status = write_and_rename(fd, directory, temporary, name, parts, count, error);
    if (status != VSA_OK) {
        (void)unlinkat(directory, temporary, 0);
        return status;
    }
    return sync_directory(directory, name, error);
}

/* Refuses what is no file: renaming onto a device or a link would destroy it. */
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

enum vsa_status vsa_whole_file_write(const char *path, mode_t mode, const struct vsa_slice *parts,
                                     size_t count, struct vsa_error *error)
{
    char temporary[4096];
    uint32_t random = 0;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    /* A name that no other process chooses at the same time, or has left behind. */
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return vsa_fail(error, VSA_ERR_CRYPTO, "no random numbers: %s", strerror(errno));
    int length = snprintf(temporary, sizeof(temporary), "%.*s.%s.%08" PRIx32, (int)(name - path),
                          path, name, random);
    if (length < 0 || (size_t)length >= sizeof(temporary) || !*name)
        return vsa_fail(error, VSA_ERR_IO, "cannot write '%.160s': not a file name", path);
    VSA_TRY(check_replaceable(path, error));
    return vsa_whole_file_replace(AT_FDCWD, temporary, path, mode, parts, count, error);
}
