/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/beside.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool beside_find(const char *name, char *path, size_t capacity)
{
    static const char *const places[] = {"../libexec/vsattest/", "../", ""};
    char directory[2048];
    ssize_t size = readlink("/proc/self/exe", directory, sizeof(directory) - 1);
    directory[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[1] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        /* The build tree has a directory of the program's name. */
        bool is_build = strcmp(places[i], "../") == 0;
        int length = snprintf(path, capacity, "%s%s%s%s%s", directory, places[i],
                              is_build ? name : "", is_build ? "/" : "", name);
        if (length >= 0 && (size_t)length < capacity && access(path, R_OK) == 0)
            return true;
    }
    return false;
}
