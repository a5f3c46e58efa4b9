/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests do inside QEMU guests beyond the project's own programs; static, no library of ours.
 *
 *   exercise device                   what /dev/nsm does with calls that no sane program makes
 *   exercise crowd CID PORT N         N connections at once, a ping on each, then the status
 *   exercise killable PORT PROGRAM [ARG]...
 *                                     becomes PROGRAM; a connection to PORT kills it
 *   exercise killer PORT WORD         while a peer is connected to PORT no process with WORD in its
 *                                     command line runs: those that are there are killed, those
 *                                     that start are stopped until the peer has gone
 *   exercise user PROGRAM [ARG]...    what a user may do here; then becomes PROGRAM, and shows what
 *                                     each of its threads has left once it is in its sandbox
 *   exercise modules                  the kernel's modules
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

static int listen_on(unsigned port)
{
    struct sockaddr_vm own = address(VMADDR_CID_ANY, port);
    int listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&own, sizeof(own)) != 0 ||
        listen(listener, 1) != 0)
        failed("listen");
    return listener;
}

static void kill_on_connect(pid_t victim, unsigned port)
{
    if (accept(listen_on(port), NULL, NULL) >= 0)
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

/* --- killer ---------------------------------------------------------------------------------- */

static int command_line_has(pid_t pid, const char *word)
{
    char path[64];
    char text[4096];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (fd >= 0)
        close(fd);
    return size > 0 && memmem(text, (size_t)size, word, strlen(word)) != NULL;
}

/* Sends a signal to all processes with the word, but to this one, which has it as an argument. */
static void signal_all(const char *word, int number)
{
    DIR *listing = opendir("/proc");
    if (!listing)
        return;
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && pid != getpid() && command_line_has(pid, word))
            kill(pid, number);
    }
    closedir(listing);
}

static int killer(unsigned port, const char *word)
{
    int listener = listen_on(port);
    for (;;) {
        struct pollfd peer = {.fd = accept(listener, NULL, NULL), .events = POLLIN};
        if (peer.fd < 0)
            return failed("accept");
        signal_all(word, SIGKILL);
        while (poll(&peer, 1, 10) == 0)
            signal_all(word, SIGSTOP);
        close(peer.fd);
        signal_all(word, SIGCONT);
    }
}

/* --- user ------------------------------------------------------------------------------------ */

static void try_to_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    printf("open %s: %s\n", path, fd < 0 ? strerrorname_np(errno) : "ok");
    if (fd >= 0)
        close(fd);
}

static void show_rights(void)
{
    static const char *const writable[] = {"/x",     "/app/x", "/app/exercise", "/run/x",
                                           "/dev/x", "/var/x", "/tmp/x",        "/dev/shm/x"};
    gid_t groups[8];
    printf("user %u %u group %u %u others %d\n", getuid(), geteuid(), getgid(), getegid(),
           getgroups(8, groups));
    for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++)
        try_to_open(writable[i], O_WRONLY | O_CREAT);
    try_to_open("/dev/nsm", O_RDWR);
    try_to_open("/dev/vsock", O_RDONLY);
    try_to_open("/dev/stdout", O_WRONLY);
    printf("kill 1: %s\n", kill(1, SIGTERM) == 0 ? "ok" : strerrorname_np(errno));
}

/* "Seccomp:\t2" of a status file as "Seccomp=2 "; appends to `line`. */
static void append_field(char *line, size_t capacity, const char *status, const char *name)
{
    const char *found = strstr(status, name);
    size_t used = strlen(line);
    if (found)
        snprintf(line + used, capacity - used, " %s%.*s", name,
                 (int)strcspn(found + strlen(name), "\n"), found + strlen(name));
    for (char *c = line + used; *c; c++)
        if (*c == '\t')
            *c = '=';
}

static size_t read_text(const char *path, char *text, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, capacity - 1);
    text[size > 0 ? size : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return strlen(text);
}

/* Prints a line for each thread if all of them filter system calls. Returns how many. */
static unsigned show_threads(pid_t process)
{
    char path[320];
    char status[4096];
    char lines[2048] = "";
    unsigned count = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", process);
    DIR *tasks = opendir(path);
    for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/status", process, entry->d_name);
        read_text(path, status, sizeof(status));
        if (!strstr(status, "Seccomp:\t2\n")) {
            closedir(tasks);
            return 0;
        }
        static const char *const fields[] = {"Uid:", "Gid:", "CapEff:", "NoNewPrivs:", "Seccomp:"};
        strcat(lines, "thread");
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
            append_field(lines, sizeof(lines), status, fields[i]);
        strcat(lines, "\n");
        count++;
    }
    if (tasks)
        closedir(tasks);
    fputs(lines, stdout);
    return count;
}

static int user(char **program)
{
    pid_t process = getpid();
    show_rights();
    pid_t child = fork();
    if (child == 0) {
        alarm(LIMIT_SECONDS);
        for (unsigned tries = 0; tries < 600; tries++) {
            usleep(100000);
            unsigned threads = show_threads(process);
            if (threads) {
                printf("ok %u threads in the sandbox\n", threads);
                _exit(0);
            }
        }
        _exit(failed("no sandbox"));
    }
    if (child > 0)
        execv(program[0], program);
    return failed(program[0]);
}

/* --- modules --------------------------------------------------------------------------------- */

static int modules(void)
{
    static char text[65536];
    size_t size = read_text("/proc/modules", text, sizeof(text));
    for (char *line = text; line < text + size; line = strchr(line, '\n') + 1)
        printf("module %.*s\n", (int)strcspn(line, " "), line);
    printf("ok modules\n");
    return 0;
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
    if (strcmp(command, "killer") == 0 && argc == 4)
        return killer(number(argv[2]), argv[3]);
    if (strcmp(command, "user") == 0 && argc >= 3)
        return user(argv + 2);
    alarm(LIMIT_SECONDS); /* a lost peer must not hang the bench */
    if (strcmp(command, "device") == 0 && argc == 2)
        return device();
    if (strcmp(command, "modules") == 0 && argc == 2)
        return modules();
    if (strcmp(command, "crowd") == 0 && argc == 5)
        return crowd(number(argv[2]), number(argv[3]), number(argv[4]));
    fprintf(stderr, "usage: exercise device | crowd CID PORT N | killable PORT PROGRAM [ARG]... | "
                    "killer PORT WORD | user PROGRAM [ARG]... | modules\n");
    return 2;
}
