/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave_init/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "enclave_init/console.h"

#define NSM_MODULE "/nsm.ko"
#define NSM_DEVICE "/dev/nsm"
#define MODULES    "/modules/"

/* Returns what an error of finit_module(2) means for an image. */
static const char *hint(int reason)
{
    switch (reason) {
    case ENOEXEC:
        return ": it was built for another kernel";
    case ENOENT:
        return ": it needs a symbol that neither the kernel nor a module before it has";
    case ENOSYS:
        return ": this kernel takes no modules";
    default:
        return "";
    }
}

static int load(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return console_fail("cannot open %s", path);
    long loaded = syscall(SYS_finit_module, fd, "", 0);
    int reason = errno;
    (void)close(fd);
    errno = reason;
    /* EEXIST: the kernel has the driver built in. */
    if (loaded != 0 && reason != EEXIST)
        return console_fail("cannot load %s%s", path, hint(reason));
    (void)unlink(path);
    return 0;
}

int devices_load_module(const char *name)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), MODULES "%s", name) >= (int)sizeof(path)) {
        console_say("a module's name is too long");
        return -1;
    }
    if (load(path) != 0)
        return -1;
    console_say("loaded %s", name);
    return 0;
}

int devices_load_nsm(void)
{
    bool present = access(NSM_MODULE, F_OK) == 0 || errno != ENOENT;
    if (present && load(NSM_MODULE) != 0)
        return -1;
    if (access(NSM_DEVICE, R_OK | W_OK) != 0)
        console_say("there is no " NSM_DEVICE ": this enclave cannot be attested");
    return 0;
}

int devices_give_to(const struct user *user)
{
    static const char *const devices[] = {"/dev/console", NSM_DEVICE, "/dev/vsock"};
    if (!user->uid)
        return 0;
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
        if (chown(devices[i], user->uid, user->gid) != 0 && errno != ENOENT)
            return console_fail("cannot give %s to user %u", devices[i], user->uid);
    return 0;
}

void devices_bring_up_loopback(void)
{
    struct ifreq request;
    memset(&request, 0, sizeof(request));
    memcpy(request.ifr_name, "lo", sizeof("lo"));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) != 0) {
        (void)console_fail("no loopback network");
    } else {
        request.ifr_flags |= IFF_UP;
        if (ioctl(fd, SIOCSIFFLAGS, &request) != 0)
            (void)console_fail("cannot bring up the loopback network");
    }
    if (fd >= 0)
        (void)close(fd);
}
