/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls of a server that runs. libseccomp: seccomp_rule_add(3), seccomp_attr_set(3). */
#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "nsm/transport.h"

static const int allowed[] = {
    /* connections, and the NSM's socket */
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(accept4),
    SCMP_SYS(connect),
    SCMP_SYS(shutdown),
    SCMP_SYS(close),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(fcntl),
    /* the same where long has 32 bits: offsets and times of 64 bits, the NSM's timed waits */
    SCMP_SYS(fcntl64),
    SCMP_SYS(_llseek),
    SCMP_SYS(fstat64),
    SCMP_SYS(fstatat64),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(futex_time64),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(sigreturn),
    /* the loop, the thread, time, signals */
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    /* memory and random numbers */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(getrandom),
    SCMP_SYS(sched_getaffinity),
    /* statistics of the process, from /proc; the socket's file at the end */
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(lseek),
    SCMP_SYS(getdents64),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(flock),
};

/* Those that are allowed with some arguments only: where (argument & mask) == value. */
static const struct {
    int call;
    unsigned argument;
    uint64_t mask;
    uint64_t value;
} conditional[] = {
    /* A software NSM again. On i386 libc has socketcall(2), of which no filter sees the kind. */
    {SCMP_SYS(socket), 0, UINT64_MAX, AF_UNIX},
    {SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD}, /* the NSM's thread */
    {SCMP_SYS(ioctl), 1, UINT32_MAX, VSA_NSM_IOCTL_RAW},
    {SCMP_SYS(mmap), 2, PROT_EXEC, 0},
    {SCMP_SYS(mmap2), 2, PROT_EXEC, 0},
    {SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
    {SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    {SCMP_SYS(prlimit64), 2, UINT64_MAX, 0}, /* asking for limits, not setting them */
};

static int add_rules(scmp_filter_ctx filter)
{
    int result = 0;
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < sizeof(conditional) / sizeof(conditional[0]) && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, conditional[i].call, 1,
                                  SCMP_CMP(conditional[i].argument, SCMP_CMP_MASKED_EQ,
                                           conditional[i].mask, conditional[i].value));
    /* Its arguments are out of sight: libc takes clone(2) instead. */
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    /* abort() */
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    return result;
}

VSA_DEFINE_CLEANUP(void, seccomp_release, cleanup_filter);

enum vsa_status vsa_sandbox_filter(bool *filtered, struct vsa_error *error)
{
    *filtered = false;
    /* seccomp_load() would only give "Invalid argument". */
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
        return vsa_fail(error, VSA_ERR_IO,
                        "this kernel cannot filter system calls (CONFIG_SECCOMP_FILTER)");
    /* Not the end of the process: a new libc may have new calls, and fallbacks for them. */
    VSA_CLEANUP(cleanup_filter) void *filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return vsa_fail_memory(error);
    int result = add_rules(filter);
    /* Threads that run already, such as a sanitizer's. */
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (result == 0)
        result = seccomp_load(filter);
    if (result != 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot filter system calls: %s", strerror(-result));
    *filtered = true;
    return VSA_OK;
}
