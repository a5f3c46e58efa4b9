/* SPDX-License-Identifier: Apache-2.0 */
/* Each test in a child: what is given up does not come back. */
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "programs/enclave_app/sandbox.h"
#include "slow_tool.h"

#define NO_FILTER 77

static atomic_bool entered;

static bool denied(long result)
{
    return result == -1 && errno == EPERM;
}

/* The number of the first call that is not as it should be; 0: none. */
static int check_calls(void)
{
    char *const none[] = {NULL};
    struct rlimit limit = {1, 1};
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool good[] = {
        true,
        denied(socket(AF_INET, SOCK_STREAM, 0)),
        denied(socket(AF_NETLINK, SOCK_RAW, 0)),
        denied(execve("/bin/true", none, none)),
        denied(open("/tmp/vsa-sandbox", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)),
        denied(syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0)),
        denied(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)),
        denied(ioctl(0, TIOCSTI, "x")),
        denied(setrlimit(RLIMIT_NOFILE, &limit)),
        denied(kill(getppid(), 0)),
        denied(mprotect(page, 4096, PROT_READ | PROT_EXEC)),
        page != MAP_FAILED && mprotect(page, 4096, PROT_READ) == 0,
        socket(AF_UNIX, SOCK_STREAM, 0) >= 0,
        open("/proc/self/status", O_RDONLY | O_CLOEXEC) >= 0,
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!good[i])
            return (int)i;
    return 0;
}

/* Lines of /proc/self/status that say what is left. */
static int check_status(void)
{
    static const char *const lines[] = {"NoNewPrivs:\t1\n", "Seccomp:\t2\n",
                                        "CapEff:\t0000000000000000\n",
                                        "CapPrm:\t0000000000000000\n"};
    char text[8192];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = '\0';
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (!strstr(text, lines[i]))
            return 50 + (int)i;
    return 0;
}

/* Was there before: the filter reaches it, too. */
static void *worker(void *result)
{
    while (!atomic_load(&entered))
        (void)sched_yield();
    *(int *)result = check_calls();
    return NULL;
}

static int enter_and_check(void)
{
    pthread_t thread;
    int in_thread = 0;
    bool filtered = false;
    if (sandbox_prepare(NULL) != VSA_OK)
        return 60;
    if (pthread_create(&thread, NULL, worker, &in_thread) != 0)
        return 61;
    if (sandbox_enter(&filtered, NULL) != VSA_OK)
        return 62;
    if (!filtered)
        return NO_FILTER;
    atomic_store(&entered, true);
    (void)pthread_join(thread, NULL);
    int result = check_calls();
    if (result == 0)
        result = check_status();
    return result ? result : in_thread ? 100 + in_thread : 0;
}

static void what_is_not_needed_is_denied(void **state)
{
    (void)state;
    if (is_slow_tool())
        SKIP_BECAUSE("valgrind and sanitizers make system calls of their own");
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(enter_and_check());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_FILTER)
        SKIP_BECAUSE("no filter of system calls in this build or kernel");
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_not_needed_is_denied)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
