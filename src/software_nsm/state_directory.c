/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/state_directory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* The project's name until November 2026. */
#define OLD_DIRECTORY "vsock-attest/software_nsm"

/*
 * Moves the state that has the project's old name: a root that verifiers know must not be replaced
 * by a new one in silence.
 */
static enum vsa_status move_old_state(const char *directory, const char *path,
                                      struct vsa_error *error)
{
    char old[PATH_MAX];
    char parent[PATH_MAX];
    struct stat there;
    int length = snprintf(old, sizeof(old), "%s/" OLD_DIRECTORY, directory);
    if (length < 0 || (size_t)length >= sizeof(old) || lstat(path, &there) == 0 ||
        lstat(old, &there) != 0)
        return VSA_OK;
    (void)snprintf(parent, sizeof(parent), "%s", path);
    *strrchr(parent, '/') = '\0';
    if ((mkdir(parent, S_IRWXU) != 0 && errno != EEXIST) || rename(old, path) != 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot move %.160s to %.160s: %s", old, path,
                        strerror(errno));
    *strrchr(old, '/') = '\0';
    (void)rmdir(old);
    return VSA_OK;
}

static enum vsa_status default_state(const char *home, const char *below, char path[PATH_MAX],
                                     struct vsa_error *error)
{
    char directory[PATH_MAX];
    int length = snprintf(directory, sizeof(directory), "%s%s", home, below);
    if (length > 0 && (size_t)length < sizeof(directory))
        length = snprintf(path, PATH_MAX, "%s/" VSA_SOFTWARE_STATE_DIRECTORY, directory);
    if (length < 0 || length >= PATH_MAX)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the state directory's name is too long");
    return move_old_state(directory, path, error);
}

enum vsa_status vsa_software_state_find(char path[PATH_MAX], struct vsa_error *error)
{
    const char *state_home = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (state_home && state_home[0] == '/')
        return default_state(state_home, "", path, error);
    if (home && home[0] == '/')
        return default_state(home, "/.local/state", path, error);
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "no home directory to keep the root in: give --state DIR");
}
