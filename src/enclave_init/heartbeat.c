/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave_init/heartbeat.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "enclave_init/console.h"

#define PARENT_CID 3
#define PORT       9000
#define BYTE       0xb7

#define PAUSE_MS 100

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void limit(int fd, int64_t left_ms)
{
    if (left_ms < 1)
        left_ms = 1;
    struct timeval time = {.tv_sec = (time_t)(left_ms / 1000),
                           .tv_usec = (suseconds_t)(left_ms % 1000 * 1000)};
    (void)setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &time, sizeof(time));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

/* Returns the byte that came back, or -1 with errno set. */
static int exchange(int fd, int64_t deadline)
{
    const struct sockaddr_vm parent = {
        .svm_family = AF_VSOCK,
        .svm_cid = PARENT_CID,
        .svm_port = PORT,
    };
    uint8_t byte = BYTE;
    limit(fd, deadline - now_ms());
    if (connect(fd, (const struct sockaddr *)&parent, sizeof(parent)) != 0 ||
        send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
        return -1;
    limit(fd, deadline - now_ms());
    ssize_t size = recv(fd, &byte, 1, 0);
    if (size == 0)
        errno = ECONNRESET;
    return size == 1 ? byte : -1;
}

int heartbeat_send(void)
{
    int64_t deadline = now_ms() + HEARTBEAT_LIMIT_MS;
    for (;;) {
        int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return console_fail("the kernel has no vsock");
        int answer = exchange(fd, deadline);
        int reason = errno;
        (void)close(fd);
        if (answer == BYTE)
            return 0;
        if (answer >= 0) {
            console_say("the parent answered the heartbeat with 0x%02x instead of 0x%02x", answer,
                        BYTE);
            return -1;
        }
        errno = reason;
        if (now_ms() + PAUSE_MS >= deadline)
            return console_fail("no heartbeat: CID %d, port %d", PARENT_CID, PORT);
        const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
}
