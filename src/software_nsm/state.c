/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/pem.h"
#include "base/slice.h"
#include "file/whole_file.h"
#include "software_nsm/authority.h"
#include "x509/certificate.h"

#define KEY_FILE         "root.key"
#define CERTIFICATE_FILE "root.pem"
/* A P-384 key or certificate in PEM has 300 or 1400 bytes; text may stand around it. */
#define MAX_FILE        8192
#define MAX_PRIVATE_KEY 512
#define OTHERS          (S_IRWXG | S_IRWXO)

static enum vsa_status io_error(struct vsa_error *error, const char *doing, const char *name)
{
    return vsa_fail(error, VSA_ERR_IO, "cannot %s %.120s: %s", doing, name, strerror(errno));
}

/* --- the directory --------------------------------------------------------------------------- */

/* Makes every part that is not there, for us alone (mkdir -p). */
static enum vsa_status make_directories(const char *directory, struct vsa_error *error)
{
    char path[PATH_MAX];
    size_t length = strlen(directory);
    if (length == 0 || length >= sizeof(path))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a state directory's name has 1 to %d bytes",
                        PATH_MAX - 1);
    memcpy(path, directory, length + 1);
    for (size_t i = 1; i <= length; i++) {
        char here = path[i];
        if (here != '/' && here != '\0')
            continue;
        path[i] = '\0';
        if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
            return io_error(error, "make the directory", path);
        path[i] = here;
    }
    return VSA_OK;
}

/*
 * Checks owner and mode: write access decides which root verifiers trust,
 * read access gives its key.
 */
static enum vsa_status check_private(int fd, mode_t type, const char *name, struct vsa_error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return io_error(error, "look at", name);
    if ((status.st_mode & S_IFMT) != type)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%.120s is not a %s", name,
                        type == S_IFDIR ? "directory" : "regular file");
    if (status.st_uid != geteuid())
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.120s belongs to user %u, not to us: choose another state directory",
                        name, (unsigned)status.st_uid);
    if (status.st_mode & OTHERS)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.120s is open to other users (mode %o): 'chmod go= %.60s', or choose "
                        "another state directory",
                        name, (unsigned)(status.st_mode & 07777), name);
    return VSA_OK;
}

/*
 * Opens, checks and locks the directory until it is closed:
 * only one process at a time makes a root.
 */
static enum vsa_status open_directory(const char *directory, int *out, struct vsa_error *error)
{
    VSA_TRY(make_directories(directory, error));
    VSA_AUTO_FD int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return io_error(error, "open the state directory", directory);
    VSA_TRY(check_private(fd, S_IFDIR, directory, error));
    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return io_error(error, "lock the state directory", directory);
    *out = vsa_take_fd(&fd);
    return VSA_OK;
}

/* --- files in it ----------------------------------------------------------------------------- */

/* Reads a file; `*found` is false when there is none. */
static enum vsa_status read_file(int directory, const char *name, uint8_t *buffer, size_t capacity,
                                 struct vsa_slice *content, bool *found, struct vsa_error *error)
{
    VSA_AUTO_FD int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *found = fd >= 0;
    if (fd < 0 && errno == ENOENT)
        return VSA_OK;
    if (fd < 0)
        return io_error(error, "open", name);
    VSA_TRY(check_private(fd, S_IFREG, name, error));
    size_t size = 0;
    VSA_TRY(vsa_whole_file_fill(fd, name, buffer, capacity, &size, error));
    if (size == capacity)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "%s has more than %zu bytes", name, capacity - 1);
    *content = vsa_slice_of(buffer, size);
    return VSA_OK;
}

/* Writes a file. The directory is locked, so an existing temporary file is of a crash. */
static enum vsa_status write_file(int directory, const char *name, struct vsa_slice content,
                                  struct vsa_error *error)
{
    char temporary[32];
    (void)snprintf(temporary, sizeof(temporary), "%s.new", name);
    if (unlinkat(directory, temporary, 0) != 0 && errno != ENOENT)
        return io_error(error, "remove", temporary);
    return vsa_whole_file_replace(directory, temporary, name, VSA_FILE_PRIVATE, &content, 1, error);
}

/* --- the root -------------------------------------------------------------------------------- */

static enum vsa_status write_key(int directory, const struct vsa_key *key, struct vsa_error *error)
{
    uint8_t der_buffer[MAX_PRIVATE_KEY];
    char pem_buffer[VSA_PEM_SIZE(MAX_PRIVATE_KEY)];
    struct vsa_slice der;
    struct vsa_slice pem;
    enum vsa_status status =
        vsa_key_write_private(key, der_buffer, sizeof(der_buffer), &der, error);
    if (status == VSA_OK)
        status = vsa_pem_encode("PRIVATE KEY", der, pem_buffer, sizeof(pem_buffer), &pem, error);
    if (status == VSA_OK)
        status = write_file(directory, KEY_FILE, pem, error);
    vsa_wipe(der_buffer, sizeof(der_buffer));
    vsa_wipe(pem_buffer, sizeof(pem_buffer));
    return status;
}

/*
 * Makes a root. The certificate is written last:
 * without it there is no root yet that could be trusted.
 */
static enum vsa_status make_root(int directory, int64_t now_ms, struct vsa_key **key,
                                 uint8_t *buffer, size_t capacity, struct vsa_slice *root,
                                 struct vsa_error *error)
{
    char pem_buffer[VSA_PEM_SIZE(VSA_MAX_CERTIFICATE)];
    struct vsa_slice pem;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *made = NULL;
    VSA_TRY(vsa_authority_make_root(now_ms, &made, buffer, capacity, root, error));
    VSA_TRY(vsa_pem_encode("CERTIFICATE", *root, pem_buffer, sizeof(pem_buffer), &pem, error));
    VSA_TRY(write_key(directory, made, error));
    VSA_TRY(write_file(directory, CERTIFICATE_FILE, pem, error));
    *key = made;
    made = NULL;
    return VSA_OK;
}

static enum vsa_status read_key(int directory, struct vsa_key **key, struct vsa_error *error)
{
    uint8_t content_buffer[MAX_FILE];
    struct vsa_slice content;
    bool found = false;
    enum vsa_status status = read_file(directory, KEY_FILE, content_buffer, sizeof(content_buffer),
                                       &content, &found, error);
    if (status == VSA_OK && !found)
        status = vsa_fail(error, VSA_ERR_IO,
                          KEY_FILE " is missing beside " CERTIFICATE_FILE
                                   ": bring it back, or remove both files for a new root");
    if (status == VSA_OK)
        status = vsa_key_read_private(content, key, error);
    vsa_wipe(content_buffer, sizeof(content_buffer));
    return status;
}

static enum vsa_status open_root(int directory, int64_t now_ms, struct vsa_key **key,
                                 uint8_t *buffer, size_t capacity, struct vsa_slice *root,
                                 struct vsa_error *error)
{
    uint8_t file_buffer[MAX_FILE];
    struct vsa_slice file;
    bool found = false;
    VSA_TRY(read_file(directory, CERTIFICATE_FILE, file_buffer, sizeof(file_buffer), &file, &found,
                      error));
    if (!found)
        return make_root(directory, now_ms, key, buffer, capacity, root, error);
    struct vsa_slice der;
    VSA_TRY(vsa_certificate_read_file(file, buffer, capacity, &der, error));
    /* DER is borrowed from the file, PEM is in the buffer already. */
    if (der.size > capacity)
        return vsa_fail(error, VSA_ERR_BUFFER, CERTIFICATE_FILE " has more than %zu bytes",
                        capacity);
    memmove(buffer, der.data, der.size);
    VSA_TRY(read_key(directory, key, error));
    *root = vsa_slice_of(buffer, der.size);
    return VSA_OK;
}

enum vsa_status vsa_software_state_open(const char *directory, int64_t now_ms, struct vsa_key **key,
                                        uint8_t *buffer, size_t capacity, struct vsa_slice *root,
                                        struct vsa_error *error)
{
    VSA_AUTO_FD int fd = -1;
    VSA_TRY(open_directory(directory, &fd, error));
    enum vsa_status status = open_root(fd, now_ms, key, buffer, capacity, root, error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "state directory %.80s", directory);
    return status;
}

enum vsa_status vsa_software_root_write(const char *path, struct vsa_slice root,
                                        struct vsa_error *error)
{
    char text[VSA_PEM_SIZE(VSA_MAX_CERTIFICATE)];
    struct vsa_slice pem;
    VSA_TRY(vsa_pem_encode("CERTIFICATE", root, text, sizeof(text), &pem, error));
    VSA_TRY(vsa_whole_file_write(path, VSA_FILE_PRIVATE, &pem, 1, error));
    /* Whatever the umask is. */
    if (chmod(path, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH) != 0)
        return io_error(error, "set the mode of", path);
    return VSA_OK;
}
