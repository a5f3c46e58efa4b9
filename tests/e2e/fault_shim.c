/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD of tests: system calls and allocations that fail when the test says so. $VSA_FAULTS is
 * a file of `struct faults`, mapped by both sides, so that faults come and go while the program
 * runs. Without the file nothing fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* test_faults.py has the same order. All start as 0: no fault. */
struct faults {
    _Atomic int64_t accepts;         /* how many of the next calls of accept4() fail */
    _Atomic int64_t accept_errno;    /* ... with this */
    _Atomic int64_t allocations;     /* allocations so far */
    _Atomic int64_t fail_after;      /* allocations that still succeed ... */
    _Atomic int64_t fail;            /* ... before so many fail */
    _Atomic int64_t clock_offset_ms; /* CLOCK_REALTIME is ahead of the machine's by so much */
    _Atomic int64_t write_errno;     /* 0, or what write() to anything but 0, 1, 2 fails with ... */
    _Atomic int64_t write_room;      /* ... after so many bytes */
    _Atomic int64_t fsync_errno;     /* 0, or what fsync() fails with */
    _Atomic int64_t sockets;         /* how many of the next calls of socket() fail */
    _Atomic int64_t socket_errno;    /* ... with this */
    _Atomic int64_t connects;        /* the same of connect() */
    _Atomic int64_t connect_errno;
};

static struct faults *faults;

__attribute__((constructor)) static void map_faults(void)
{
    const char *path = getenv("VSA_FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (mapped != MAP_FAILED)
        faults = mapped;
}

/* Takes one from a counter that is above 0. */
static int take(_Atomic int64_t *counter)
{
    int64_t left = atomic_load(counter);
    while (left > 0)
        if (atomic_compare_exchange_weak(counter, &left, left - 1))
            return 1;
    return 0;
}

/* --- memory: glibc has its own names for what is replaced here -------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static int no_memory(void)
{
    if (!faults)
        return 0;
    atomic_fetch_add(&faults->allocations, 1);
    if (atomic_load(&faults->fail) == 0 || take(&faults->fail_after) || !take(&faults->fail))
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return no_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return no_memory() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return no_memory() ? NULL : __libc_realloc(old, size);
}

/* --- system calls ----------------------------------------------------------------------------- */

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    if (faults && take(&faults->accepts)) {
        errno = (int)atomic_load(&faults->accept_errno);
        return -1;
    }
    return (int)syscall(SYS_accept4, fd, address, size, flags);
}

int socket(int domain, int type, int protocol)
{
    if (faults && take(&faults->sockets)) {
        errno = (int)atomic_load(&faults->socket_errno);
        return -1;
    }
    return (int)syscall(SYS_socket, domain, type, protocol);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    if (faults && take(&faults->connects)) {
        errno = (int)atomic_load(&faults->connect_errno);
        return -1;
    }
    return (int)syscall(SYS_connect, fd, address, size);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && faults && clock == CLOCK_REALTIME)
        now->tv_sec += (time_t)(atomic_load(&faults->clock_offset_ms) / 1000);
    return result;
}

ssize_t write(int fd, const void *data, size_t size)
{
    int number = faults && fd > STDERR_FILENO ? (int)atomic_load(&faults->write_errno) : 0;
    if (number != 0) {
        int64_t room = atomic_load(&faults->write_room);
        if (room == 0) {
            errno = number;
            return -1;
        }
        if ((int64_t)size > room)
            size = (size_t)room;
        atomic_fetch_sub(&faults->write_room, (int64_t)size);
    }
    return syscall(SYS_write, fd, data, size);
}

int fsync(int fd)
{
    int number = faults ? (int)atomic_load(&faults->fsync_errno) : 0;
    if (number != 0) {
        errno = number;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}
