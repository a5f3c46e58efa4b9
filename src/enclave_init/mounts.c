/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave_init/mounts.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enclave_init/console.h"
#include "enclave_init/services.h"

#define ROOT "/rootfs"

struct mount_row {
    const char *type;
    const char *target;
    unsigned long flags;
    const char *options;
    bool optional; /* kernels may lack it */
};

#define SAFE (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const struct mount_row early_rows[] = {
    {"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755", false},
    {"proc", "/proc", SAFE, NULL, false},
};

static const struct mount_row rows[] = {
    {"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755", false},
    {"proc", "/proc", SAFE, NULL, false},
    {"sysfs", "/sys", SAFE, NULL, false},
    {"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755", false},
    {"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777", false},
    {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777", true},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666", true},
    {"cgroup2", "/sys/fs/cgroup", SAFE, NULL, true},
};

static int mount_one(const struct mount_row *row)
{
    if (mkdir(row->target, 0755) != 0 && errno != EEXIST && !row->optional)
        return console_fail("cannot make %s", row->target);
    if (mount(row->type, row->target, row->type, row->flags, row->options) == 0)
        return 0;
    /* EBUSY: the kernel has mounted it already (CONFIG_DEVTMPFS_MOUNT). */
    if (row->optional || errno == EBUSY)
        return 0;
    return console_fail("cannot mount %s on %s", row->type, row->target);
}

static int mount_rows(const struct mount_row *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (mount_one(&table[i]) != 0)
            return -1;
    return 0;
}

int mounts_early(void)
{
    return mount_rows(early_rows, sizeof(early_rows) / sizeof(early_rows[0]));
}

/*
 * Makes the mount the root. The ramdisk can neither be unmounted nor pivoted from, so the mount is
 * moved over it.
 */
int mounts_enter_root(void)
{
    if (mount(ROOT, ROOT, NULL, MS_BIND, NULL) != 0)
        return console_fail("the image has no " ROOT " to run the application in");
    if (chdir(ROOT) != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 ||
        chdir("/") != 0)
        return console_fail("cannot make " ROOT " the root");
    return 0;
}

int mounts_all(void)
{
    static const struct {
        const char *target;
        const char *path;
    } links[] = {
        {"/proc/self/fd", "/dev/fd"},
        {"/proc/self/fd/0", "/dev/stdin"},
        {"/proc/self/fd/1", "/dev/stdout"},
        {"/proc/self/fd/2", "/dev/stderr"},
    };
    if (mount_rows(rows, sizeof(rows) / sizeof(rows[0])) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (symlink(links[i].target, links[i].path) != 0 && errno != EEXIST)
            return console_fail("cannot make %s", links[i].path);
    return 0;
}

int mounts_make_directory(const char *name, const struct user *user)
{
    char path[sizeof(SERVICES_DIRECTORY) + SERVICES_MAX_NAME];
    (void)snprintf(path, sizeof(path), SERVICES_DIRECTORY "%s", name);
    if (mkdir(path, 0755) != 0 || chown(path, user->uid, user->gid) != 0)
        return console_fail("cannot make %s", path);
    return 0;
}
