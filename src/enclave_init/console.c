/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave_init/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void console_open(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY);
    if (fd < 0)
        return;
    for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
        if (fd != standard)
            (void)dup2(fd, standard);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

/* Writes a line in one call, so that the kernel's messages do not come in between. */
__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list arguments,
                                                      const char *reason)
{
    char line[512] = "enclave_init: ";
    size_t used = strlen(line);
    /* clang-tidy 14, on a file of several targets. NOLINTNEXTLINE(clang-analyzer-valist.*) */
    int length = vsnprintf(line + used, sizeof(line) - used, format, arguments);
    if (length < 0)
        return;
    used = strlen(line);
    if (reason)
        (void)snprintf(line + used, sizeof(line) - used, ": %s", reason);
    used = strlen(line);
    if (used > sizeof(line) - 2)
        used = sizeof(line) - 2;
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written; /* there is no other place to log to */
}

void console_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments, NULL);
    va_end(arguments);
}

int console_fail(const char *format, ...)
{
    const char *reason = strerror(errno);
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments, reason);
    va_end(arguments);
    return -1;
}
