/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave_init/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "enclave_init/console.h"

#define NSM_MODULE "/nsm.ko"
#define NSM_DEVICE "/dev/nsm"

int devices_load_nsm(void)
{
    int fd = open(NSM_MODULE, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return console_fail("cannot open " NSM_MODULE);
    if (fd >= 0) {
        long loaded = syscall(SYS_finit_module, fd, "", 0);
        int reason = errno;
        (void)close(fd);
        errno = reason;
        /* EEXIST: the kernel has the driver built in. */
        if (loaded != 0 && reason != EEXIST)
            return console_fail("cannot load " NSM_MODULE);
        (void)unlink(NSM_MODULE);
    }
    if (access(NSM_DEVICE, R_OK | W_OK) != 0)
        console_say("there is no " NSM_DEVICE ": this enclave cannot be attested");
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
