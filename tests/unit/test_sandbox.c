/* SPDX-License-Identifier: Apache-2.0 */
/* Each test in a child: what is given up does not come back. */
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/sandbox.h"
#include "slow_tool.h"

#define NO_FILTER 77

static atomic_bool entered;

static bool denied(long result)
{
    return result == -1 && errno == EPERM;
}

/* socketcall(2), i386's way to make sockets, keeps its arguments out of a filter's sight. */
#ifdef SYS_socketcall
#define SOCKETS_ARE_FILTERED false
#else
#define SOCKETS_ARE_FILTERED true
#endif

/* Time, by system calls that have other numbers where long has 32 bits. */
static bool waits_end(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    const struct timespec millisecond = {0, 1000000};
    struct timespec now;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0 ||
        clock_gettime(CLOCK_REALTIME, &now) != 0)
        return false;
    (void)pthread_mutex_lock(&mutex);
    int result = pthread_cond_timedwait(&never, &mutex, &now); /* now is over already */
    (void)pthread_mutex_unlock(&mutex);
    return result == ETIMEDOUT && ppoll(NULL, 0, &millisecond, NULL) == 0 &&
           nanosleep(&millisecond, NULL) == 0 &&
           clock_nanosleep(CLOCK_MONOTONIC, 0, &millisecond, NULL) == 0;
}

/* A file of /proc, as the statistics of the process read it. */
static bool reads_files(void)
{
    struct stat status;
    char byte;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    return fd >= 0 && fstat(fd, &status) == 0 && stat("/proc/self", &status) == 0 &&
           fcntl(fd, F_GETFD) == FD_CLOEXEC && lseek(fd, 1, SEEK_SET) == 1 &&
           read(fd, &byte, 1) == 1 && close(fd) == 0;
}

/* The number of the first call that is not as it should be; 0: none. */
static int check_calls(void)
{
    char *const none[] = {NULL};
    struct rlimit limit = {1, 1};
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool good[] = {
        true,
        denied(socket(AF_INET, SOCK_STREAM, 0)) == SOCKETS_ARE_FILTERED,
        denied(socket(AF_NETLINK, SOCK_RAW, 0)) == SOCKETS_ARE_FILTERED,
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
        reads_files(),
        waits_end(),
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED,
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
    int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = '\0';
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (!strstr(text, lines[i]))
            return 50 + (int)i;
    return 0;
}

/* What each thread can do. */
static int check_thread(void)
{
    int result = check_calls();
    return result ? result : check_status();
}

/* Was there before: the filter reaches it, too. Its capabilities are its own. */
static void *early(void *result)
{
    while (!atomic_load(&entered))
        (void)sched_yield();
    *(int *)result = check_calls();
    return NULL;
}

/* As the NSM's thread: begins in the sandbox. */
static void *late(void *result)
{
    *(int *)result = check_thread();
    return NULL;
}

static int enter_and_check(void)
{
    pthread_t threads[2];
    int results[2] = {0};
    bool filtered = false;
    if (vsa_sandbox_prepare(NULL) != VSA_OK)
        return 60;
    if (pthread_create(&threads[0], NULL, early, &results[0]) != 0)
        return 61;
    if (vsa_sandbox_enter(&filtered, NULL) != VSA_OK)
        return 62;
    if (!filtered)
        return NO_FILTER;
    atomic_store(&entered, true);
    if (pthread_create(&threads[1], NULL, late, &results[1]) != 0)
        return 63;
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    int result = check_thread();
    if (result)
        return result;
    return results[0] ? 100 + results[0] : results[1] ? 150 + results[1] : 0;
}

/* From here on this process lives under a kernel without filters, as far as it can see. */
static int hide_filters(bool get, bool load)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, load ? 4 : 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_GET_SECCOMP, get ? 1 : 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, load ? 0 : 1, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static int enter_without_filters(bool get, bool load, const char *expected)
{
    struct vsa_error error = {0};
    bool filtered = true;
    if (hide_filters(get, load) != 0)
        return NO_FILTER;
    if (vsa_sandbox_prepare(&error) != VSA_OK)
        return 1;
    enum vsa_status status = vsa_sandbox_enter(&filtered, &error);
    if (status == VSA_OK && !filtered)
        return NO_FILTER; /* a build without libseccomp */
    if (status != VSA_ERR_IO || filtered)
        return 2;
    return strstr(error.detail, expected) ? 0 : 3;
}

static void without_filters_it_fails(void **state)
{
    (void)state;
    static const struct {
        bool get;
        bool load;
        const char *expected;
    } rows[] = {
        {false, true, "cannot filter system calls: "},          /* CONFIG_SECCOMP_FILTER=n */
        {true, true, "this kernel cannot filter system calls"}, /* CONFIG_SECCOMP=n */
    };
    if (is_slow_tool())
        SKIP_BECAUSE("valgrind and sanitizers make system calls of their own");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0)
            _exit(enter_without_filters(rows[i].get, rows[i].load, rows[i].expected));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (i == 0 && WEXITSTATUS(status) == NO_FILTER)
            SKIP_BECAUSE("no filter of system calls in this build or kernel");
        assert_int_equal(WEXITSTATUS(status), 0);
    }
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_needed_is_denied),
        cmocka_unit_test(without_filters_it_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
