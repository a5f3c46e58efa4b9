/* SPDX-License-Identifier: Apache-2.0 */
#include "image/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/error.h"
#include <vsattest/limits.h>

/* Smaller files are read: Linux allows a process 65530 mappings, and a tree may have more files. */
#define SMALLEST_MAPPED (1024 * 1024)
#define FIRST_CHUNK     16384

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

static enum vsa_status grow(struct vsa_whole_file *file, size_t *capacity, const char *name,
                            struct vsa_error *error)
{
    /* A size_t of 32 bits cannot pass the limit; there, the doubling ends first. */
    int64_t size = (int64_t)file->size;
    if (size > VSA_MAX_PIPED_FILE)
        return vsa_fail(error, VSA_ERR_TOO_LARGE,
                        "%.160s has more than %lld bytes: save it in a file first", name,
                        VSA_MAX_PIPED_FILE);
    size_t wanted = *capacity * 2;
    uint8_t *larger = wanted > *capacity ? realloc(file->data, wanted) : NULL;
    if (!larger)
        return vsa_fail_memory(error);
    file->data = larger;
    *capacity = wanted;
    return VSA_OK;
}

/* Reads until the end. `expected` is an estimate: the file may grow, and a pipe has no size. */
static enum vsa_status read_whole(int fd, const char *name, size_t expected,
                                  struct vsa_whole_file *file, struct vsa_error *error)
{
    size_t capacity = expected + 1;
    file->data = malloc(capacity);
    if (!file->data)
        return vsa_fail_memory(error);
    for (;;) {
        if (file->size == capacity)
            VSA_TRY(grow(file, &capacity, name, error));
        ssize_t n = read(fd, file->data + file->size, capacity - file->size);
        if (n == 0)
            return VSA_OK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(error, "read", name);
        file->size += (size_t)n;
    }
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
        VSA_TRY(read_whole(fd, name, is_regular ? (size_t)status.st_size : FIRST_CHUNK, &opened,
                           error));
    }
    *file = opened;
    opened = (struct vsa_whole_file){NULL, 0, false};
    return VSA_OK;
}

enum vsa_status vsa_whole_file_open(const char *path, struct vsa_whole_file *file,
                                    struct vsa_error *error)
{
    *file = (struct vsa_whole_file){NULL, 0, false};
    if (strcmp(path, "-") == 0)
        return vsa_whole_file_of(STDIN_FILENO, "standard input", file, error);
    VSA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fail_errno(error, "open", path);
    return vsa_whole_file_of(fd, path, file, error);
}
