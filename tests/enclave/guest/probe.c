/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small static program for test guests: AF_VSOCK and /dev/nsm from the command line, since
 * busybox knows neither. It runs inside QEMU guests only. Each command prints one line that starts
 * with "ok" or "failed" and its exit status says the same.
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

#define HEARTBEAT 0xB7

/* The kernel's struct nsm_raw: Debian 12 has no linux/nsm.h. */
struct nsm_raw {
    struct iovec request;
    struct iovec response;
};
#define NSM_IOCTL_RAW _IOWR(0x0A, 0, struct nsm_raw)

static int failed(const char *what)
{
    printf("failed %s: %s\n", what, strerror(errno));
    return 1;
}

static struct sockaddr_vm address(const char *cid, const char *port)
{
    struct sockaddr_vm a = {.svm_family = AF_VSOCK};

    a.svm_cid = (unsigned int)strtoul(cid, NULL, 10);
    a.svm_port = (unsigned int)strtoul(port, NULL, 10);
    return a;
}

static int open_to(const char *cid, const char *port)
{
    struct sockaddr_vm a = address(cid, port);
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* Sends every byte back, to every peer, until the guest ends. */
static int echo_server(const char *port)
{
    struct sockaddr_vm a = address("4294967295", port);
    int listener = socket(AF_VSOCK, SOCK_STREAM, 0);

    if (listener < 0)
        return failed("socket");
    if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0)
        return failed("bind");
    if (listen(listener, 128) < 0)
        return failed("listen");
    signal(SIGCHLD, SIG_IGN);
    printf("ok listening on port %s\n", port);
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd >= 0 && fork() == 0) {
            char buffer[4096];
            ssize_t n;

            while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                if (write(fd, buffer, (size_t)n) != n)
                    break;
            _exit(0);
        }
        if (fd >= 0)
            close(fd);
    }
}

/* Sends TEXT and wants the same back. */
static int ping(const char *cid, const char *port, const char *text)
{
    size_t length = strlen(text);
    size_t have = 0;
    char buffer[4096];
    int fd = open_to(cid, port);

    if (fd < 0)
        return failed("connect");
    if (write(fd, text, length) != (ssize_t)length)
        return failed("write");
    while (have < length && have < sizeof(buffer)) {
        ssize_t n = read(fd, buffer + have, sizeof(buffer) - have);

        if (n <= 0)
            return failed("read");
        have += (size_t)n;
    }
    if (have != length || memcmp(buffer, text, length) != 0) {
        errno = EPROTO;
        return failed("answer");
    }
    printf("ok %s\n", text);
    return 0;
}

static int heartbeat(const char *cid, const char *port)
{
    unsigned char byte = HEARTBEAT;
    int fd = open_to(cid, port);

    if (fd < 0)
        return failed("connect");
    if (write(fd, &byte, 1) != 1)
        return failed("write");
    byte = 0;
    if (read(fd, &byte, 1) != 1)
        return failed("read");
    if (byte != HEARTBEAT) {
        errno = EPROTO;
        return failed("answer");
    }
    printf("ok heartbeat\n");
    return 0;
}

static int local_cid(void)
{
    unsigned int cid = 0;
    int fd = open("/dev/vsock", O_RDONLY);

    if (fd < 0)
        return failed("open /dev/vsock");
    if (ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) < 0)
        return failed("ioctl");
    printf("ok %u\n", cid);
    return 0;
}

/* Sends a raw request, given in hex, to the NSM and prints the answer in hex. */
static int nsm(const char *hex)
{
    static uint8_t request[4096];
    static uint8_t response[12288];
    struct nsm_raw message = {{request, 0}, {response, sizeof(response)}};
    unsigned int byte;
    int fd;

    while (message.request.iov_len < sizeof(request) && sscanf(hex, "%2x", &byte) == 1) {
        request[message.request.iov_len++] = (uint8_t)byte;
        hex += 2;
    }
    fd = open("/dev/nsm", O_RDWR);
    if (fd < 0)
        return failed("open /dev/nsm");
    if (ioctl(fd, NSM_IOCTL_RAW, &message) < 0)
        return failed("ioctl");
    printf("ok ");
    for (size_t i = 0; i < message.response.iov_len; i++)
        printf("%02x", response[i]);
    printf("\n");
    return 0;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    alarm(strcmp(command, "echo") == 0 ? 0 : 30); /* a lost peer must not hang the bench */
    if (strcmp(command, "echo") == 0 && argc == 3)
        return echo_server(argv[2]);
    if (strcmp(command, "ping") == 0 && argc == 5)
        return ping(argv[2], argv[3], argv[4]);
    if (strcmp(command, "heartbeat") == 0 && argc == 4)
        return heartbeat(argv[2], argv[3]);
    if (strcmp(command, "cid") == 0 && argc == 2)
        return local_cid();
    if (strcmp(command, "nsm") == 0 && argc == 3)
        return nsm(argv[2]);
    fprintf(stderr,
            "usage: probe echo PORT | ping CID PORT TEXT | heartbeat CID PORT | cid | nsm HEX\n");
    return 2;
}
