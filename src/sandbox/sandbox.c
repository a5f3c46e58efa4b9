/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "sandbox/filter.h"

static enum vsa_status failed(const char *what, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_IO, "cannot drop privileges: %s: %s", what, strerror(errno));
}

/* Reduces the calling thread's to those of `kept` that it has. */
static enum vsa_status keep_capabilities(uint32_t kept, struct vsa_error *error)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) != 0)
        return failed("capget", error);
    data[0].effective &= kept;
    data[0].permitted &= kept;
    data[0].inheritable = 0;
    memset(&data[1], 0, sizeof(data[1]));
    if (syscall(SYS_capset, &header, data) != 0)
        return failed("capset", error);
    return VSA_OK;
}

enum vsa_status vsa_sandbox_prepare(struct vsa_error *error)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return failed("no new privileges", error);
    /* Without CAP_SETPCAP they stay, and no_new_privs keeps them from being used. */
    for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        (void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return keep_capabilities(UINT32_C(1) << CAP_NET_BIND_SERVICE | UINT32_C(1) << CAP_DAC_OVERRIDE,
                             error);
}

enum vsa_status vsa_sandbox_enter(bool *filtered, struct vsa_error *error)
{
    VSA_TRY(keep_capabilities(0, error));
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return failed("core dumps", error);
    return vsa_sandbox_filter(filtered, error);
}
