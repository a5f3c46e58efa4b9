/* SPDX-License-Identifier: Apache-2.0 */
#include "process/process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vsattest/limits.h>

#include "base/cleanup.h"

/* Bytes for buffers on the smallest machine. */
#define SMALLEST_BUFFERED ((size_t)4 * 1024 * 1024)

static int64_t microseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

/* Reads the beginning of a file of /proc as text: "" without it. */
static void read_text(const char *path, char *text, size_t capacity)
{
    VSA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, capacity - 1) : -1;
    text[size > 0 ? size : 0] = '\0';
}

/* Returns the second number of /proc/self/statm, which is in pages (proc(5)), as bytes. */
static int64_t resident_bytes(void)
{
    char text[128];
    read_text("/proc/self/statm", text, sizeof(text));
    const char *second = strchr(text, ' ');
    return second ? (int64_t)strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE) : -1;
}

void vsa_process_read(struct vsa_process_usage *usage)
{
    struct rusage used = {0};
    (void)getrusage(RUSAGE_SELF, &used);
    *usage = (struct vsa_process_usage){
        .resident_bytes = resident_bytes(),
        .user_us = microseconds(used.ru_utime),
        .system_us = microseconds(used.ru_stime),
    };
}

uint64_t vsa_process_raise_descriptors(uint64_t needed, bool *raised)
{
    struct rlimit limit;
    *raised = false;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    struct rlimit wanted = {.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max,
                            .rlim_max = limit.rlim_max};
    *raised = limit.rlim_cur < wanted.rlim_cur && setrlimit(RLIMIT_NOFILE, &wanted) == 0;
    return *raised ? wanted.rlim_cur : limit.rlim_cur;
}

size_t vsa_process_buffered_bytes(void)
{
    char text[4096];
    read_text("/proc/meminfo", text, sizeof(text));
    const char *found = strstr(text, "MemAvailable:"); /* in KiB, proc(5) */
    uint64_t quarter = found ? strtoull(found + strlen("MemAvailable:"), NULL, 10) * 1024 / 4 : 0;
    if (quarter > VSA_DEFAULT_MAX_BUFFERED)
        return VSA_DEFAULT_MAX_BUFFERED;
    return quarter < SMALLEST_BUFFERED ? SMALLEST_BUFFERED : (size_t)quarter;
}
