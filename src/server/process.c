/* SPDX-License-Identifier: Apache-2.0 */
#include "server/process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"

static int64_t microseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

/* The second number of /proc/self/statm, in pages (proc(5)). */
static int64_t resident_bytes(void)
{
    char text[128];
    VSA_AUTO_FD int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (size <= 0)
        return -1;
    text[size] = '\0';
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
