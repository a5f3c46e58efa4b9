/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests do inside QEMU guests beyond the project's own programs; static, no library of ours.
 *
 *   exercise device                   what /dev/nsm does with calls that no sane program makes
 *   exercise crowd CID PORT N         N connections at once, a ping on each, then the status
 *   exercise killable PORT PROGRAM [ARG]...
 *                                     becomes PROGRAM; whoever connects to PORT kills it
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define MOST_CONNECTIONS 1000
#define LIMIT_SECONDS    60

static int failed(const char *what)
{
    printf("failed %s: %s\n", what, strerror(errno));
    return 1;
}

/* --- device ---------------------------------------------------------------------------------- */

/* linux/nsm.h, which Debian 12 does not have. */
struct nsm_raw {
    struct iovec request;
    struct iovec response;
};
#define NSM_IOCTL_RAW _IOWR(0x0A, 0, struct nsm_raw)

static uint8_t request[8192];
static uint8_t response[12288];

/* "EINVAL" and the like, or the length of the response. */
static void report(const char *what, int result, const struct nsm_raw *raw)
{
    if (result < 0)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %zu bytes\n", what, raw ? raw->response.iov_len : (size_t)result);
}

static void call(int fd, const char *what, struct nsm_raw raw)
{
    int result = ioctl(fd, NSM_IOCTL_RAW, &raw);
    report(what, result, &raw);
}

static size_t put(const char *text)
{
    size_t length = strlen(text);
    memcpy(request, text, length);
    return length;
}

static int device(void)
{
    static void *const nowhere = (void *)0x1000;
    int fd = open("/dev/nsm", O_RDWR);
    if (fd < 0)
        return failed("open /dev/nsm");
    size_t length = put("\x6b"
                        "DescribeNSM");
    struct nsm_raw good = {{request, length}, {response, sizeof(response)}};
    struct nsm_raw raw = good;
    call(fd, "request", raw);
    printf("answer: %.11s\n", (const char *)response + 2);
    raw.response.iov_len = 10;
    memset(response, 0, sizeof(response));
    call(fd, "10 bytes of room", raw);
    printf("beyond them: %d\n", response[10]);
    raw.response.iov_len = 0;
    call(fd, "no room", raw);
    raw = good;
    raw.response.iov_len = SIZE_MAX;
    call(fd, "endless room", raw);
    raw = good;
    raw.request.iov_len = 4097;
    call(fd, "request of 4097 bytes", raw);
    raw.request.iov_len = SIZE_MAX;
    call(fd, "endless request", raw);
    raw = good;
    raw.request.iov_base = nowhere;
    call(fd, "request nowhere", raw);
    raw = good;
    raw.response.iov_base = nowhere;
    call(fd, "response nowhere", raw);
    report("struct nowhere", ioctl(fd, NSM_IOCTL_RAW, nowhere), NULL);
    report("another ioctl", ioctl(fd, _IO(0x0A, 1), &raw), NULL);
    report("read", (int)read(fd, response, sizeof(response)), NULL);
    report("write", (int)write(fd, request, 16), NULL);
    raw = good;
    raw.request.iov_len = put("\xa1\x6b"
                              "DescribePCR\xa1\x65index\x18\x20");
    memset(response, 0, sizeof(response));
    call(fd, "DescribePCR of 32", raw);
    printf("answer: %s\n", (const char *)response + 8);
    raw = good;
    raw.request.iov_len = 4096;
    memset(request, 0xff, 4096);
    memset(response, 0, sizeof(response));
    call(fd, "4096 bytes of nonsense", raw);
    printf("answer: %s\n", (const char *)response + 8);
    printf("ok device\n");
    return 0;
}

/* --- crowd ----------------------------------------------------------------------------------- */

static struct sockaddr_vm address(unsigned cid, unsigned port)
{
    return (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
}

static int open_to(unsigned cid, unsigned port)
{
    struct sockaddr_vm peer = address(cid, port);
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static int say(int fd, const char *line)
{
    return write(fd, line, strlen(line)) == (ssize_t)strlen(line) ? 0 : -1;
}

/* Reads up to and with a newline. */
static int read_line(int fd, char *line, size_t capacity)
{
    size_t length = 0;
    while (length + 1 < capacity) {
        ssize_t n = read(fd, line + length, 1);
        if (n <= 0)
            return -1;
        if (line[length++] == '\n') {
            line[length] = '\0';
            return 0;
        }
    }
    return -1;
}

static int crowd(unsigned cid, unsigned port, unsigned count)
{
    static int fds[MOST_CONNECTIONS];
    char line[4096];
    if (count == 0 || count > MOST_CONNECTIONS)
        return 2;
    for (unsigned i = 0; i < count; i++)
        if ((fds[i] = open_to(cid, port)) < 0)
            return failed("connect");
    for (unsigned i = 0; i < count; i++)
        if (say(fds[i], "{\"command\": \"ping\"}\n") != 0)
            return failed("write");
    for (unsigned i = 0; i < count; i++)
        if (read_line(fds[i], line, sizeof(line)) != 0 || !strstr(line, "pong"))
            return failed("ping");
    if (say(fds[0], "{\"command\": \"status\"}\n") != 0 ||
        read_line(fds[0], line, sizeof(line)) != 0)
        return failed("status");
    printf("ok %u answered\n%s", count, line);
    return 0;
}

/* --- killable -------------------------------------------------------------------------------- */

static void kill_on_connect(pid_t victim, unsigned port)
{
    struct sockaddr_vm own = address(VMADDR_CID_ANY, port);
    int listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&own, sizeof(own)) != 0 ||
        listen(listener, 1) != 0) {
        failed("listen");
        return;
    }
    if (accept(listener, NULL, NULL) >= 0)
        kill(victim, SIGKILL);
}

static int killable(unsigned port, char **program)
{
    pid_t victim = getpid();
    pid_t child = fork();
    if (child == 0) {
        kill_on_connect(victim, port);
        _exit(0);
    }
    if (child > 0)
        execv(program[0], program);
    return failed(program[0]);
}

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(command, "killable") == 0 && argc >= 4)
        return killable(number(argv[2]), argv + 3);
    alarm(LIMIT_SECONDS); /* a lost peer must not hang the bench */
    if (strcmp(command, "device") == 0 && argc == 2)
        return device();
    if (strcmp(command, "crowd") == 0 && argc == 5)
        return crowd(number(argv[2]), number(argv[3]), number(argv[4]));
    fprintf(stderr, "usage: exercise device | crowd CID PORT N | killable PORT PROGRAM [ARG]...\n");
    return 2;
}
