/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no_vsock PROGRAM [ARGUMENT]...: runs a program that cannot open an AF_VSOCK socket, whatever it
 * tries: the kernel refuses, as one without vsock does. Tests of what would end up on vsock run
 * under it, because the machine that runs them may have enclaves or guests of its own.
 * Exits with 77 when the kernel has no seccomp filters.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SKIP 77

int main(int argc, char **argv)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_VSOCK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
    if (argc < 2)
        return 2;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        (void)fprintf(stderr, "no_vsock: no seccomp filters here: %s\n", strerror(errno));
        return SKIP;
    }
    (void)execvp(argv[1], argv + 1);
    (void)fprintf(stderr, "no_vsock: %s: %s\n", argv[1], strerror(errno));
    return 127;
}
