/* SPDX-License-Identifier: Apache-2.0 */
#include "file/name_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int compare_names(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static bool is_wanted(const char *name, const char *suffix)
{
    if (!suffix)
        return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    size_t size = strlen(name);
    size_t end = strlen(suffix);
    return name[0] != '.' && size > end && strcmp(name + size - end, suffix) == 0;
}

static enum vsa_status add_name(struct vsa_name_list *list, size_t *capacity, const char *name,
                                struct vsa_error *error)
{
    if (list->count == *capacity) {
        size_t larger = *capacity ? 2 * *capacity : 16;
        char **names = reallocarray(list->names, larger, sizeof(*names));
        if (!names)
            return vsa_fail_memory(error);
        list->names = names;
        *capacity = larger;
    }
    char *copy = strdup(name);
    if (!copy)
        return vsa_fail_memory(error);
    list->names[list->count++] = copy;
    return VSA_OK;
}

static enum vsa_status read_names(DIR *directory, const char *suffix, size_t limit,
                                  struct vsa_name_list *list, struct vsa_error *error)
{
    size_t capacity = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (!entry && errno)
            return vsa_fail(error, VSA_ERR_IO, "cannot read the directory: %s", strerror(errno));
        if (!entry)
            break;
        if (!is_wanted(entry->d_name, suffix))
            continue;
        if (list->count == limit)
            return vsa_fail(error, VSA_ERR_TOO_MANY, "a directory of more than %zu files%s%s",
                            limit, suffix ? " *" : "", suffix ? suffix : "");
        VSA_TRY(add_name(list, &capacity, entry->d_name, error));
    }
    if (list->count)
        qsort(list->names, list->count, sizeof(list->names[0]), compare_names);
    return VSA_OK;
}

enum vsa_status vsa_name_list_of(int fd, const char *suffix, size_t limit,
                                 struct vsa_name_list *list, struct vsa_error *error)
{
    VSA_AUTO_NAME_LIST struct vsa_name_list names = {0};
    VSA_AUTO_FD int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *directory = own < 0 ? NULL : fdopendir(own);
    if (!directory)
        return vsa_fail(error, VSA_ERR_IO, "cannot read the directory: %s", strerror(errno));
    (void)vsa_take_fd(&own);
    enum vsa_status status = read_names(directory, suffix, limit, &names, error);
    (void)closedir(directory);
    VSA_TRY(status);
    *list = names;
    names = (struct vsa_name_list){0};
    return VSA_OK;
}

enum vsa_status vsa_name_list_read(const char *path, const char *suffix, size_t limit,
                                   struct vsa_name_list *list, struct vsa_error *error)
{
    VSA_AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot read the directory %.160s: %s", path,
                        strerror(errno));
    return vsa_name_list_of(fd, suffix, limit, list, error);
}

void vsa_name_list_close(struct vsa_name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct vsa_name_list){0};
}
