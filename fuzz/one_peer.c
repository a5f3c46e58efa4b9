/* SPDX-License-Identifier: Apache-2.0 */
#include "one_peer.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/slice.h"
#include "fuzz.h"

#define BEGIN_US 1000000

static struct {
    one_peer_act *act; /* NULL: not in use */
    int64_t now_us;
    int listener;
    int connection;
    char path[64];
} peer = {.listener = -1, .connection = -1, .now_us = BEGIN_US};

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
                           struct timespec *left);

void one_peer_hang_up(void)
{
    if (peer.connection >= 0)
        (void)close(peer.connection);
    peer.connection = -1;
}

void one_peer_send(struct vsa_slice bytes)
{
    FUZZ_CALL(send(peer.connection, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0);
}

int64_t one_peer_now_ms(void)
{
    return peer.now_us / 1000;
}

/* A client has one connection at a time. */
static bool take_turn(void)
{
    static uint8_t request[4096];
    int fd = accept4(peer.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        one_peer_hang_up();
        peer.connection = fd;
        return true;
    }
    if (peer.connection < 0)
        return false;
    ssize_t size = recv(peer.connection, request, sizeof(request), MSG_DONTWAIT);
    return peer.act(vsa_slice_of(size > 0 ? request : NULL, size > 0 ? (size_t)size : 0));
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (!peer.act)
        return __real_poll(fds, count, timeout);
    int ready = __real_poll(fds, count, 0);
    while (ready == 0 && timeout != 0 && take_turn())
        ready = __real_poll(fds, count, 0);
    if (ready == 0 && timeout > 0)
        peer.now_us += (int64_t)timeout * 1000;
    return ready;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!peer.act || clock != CLOCK_MONOTONIC)
        return __real_clock_gettime(clock, now);
    *now = (struct timespec){.tv_sec = peer.now_us / 1000000,
                             .tv_nsec = (long)(peer.now_us % 1000000) * 1000};
    return 0;
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
                           struct timespec *left)
{
    FUZZ_REQUIRE(clock == CLOCK_MONOTONIC && flags == TIMER_ABSTIME && left == NULL);
    int64_t us = (int64_t)until->tv_sec * 1000000 + until->tv_nsec / 1000;
    if (us > peer.now_us)
        peer.now_us = us;
    return 0;
}

static void remove_socket(void)
{
    (void)unlink(peer.path);
}

const char *one_peer_listen(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (peer.listener >= 0)
        return peer.path;
    (void)snprintf(peer.path, sizeof(peer.path), "/tmp/vsattest-fuzz-peer-%ld", (long)getpid());
    memcpy(name.sun_path, peer.path, strlen(peer.path));
    (void)unlink(peer.path);
    peer.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    FUZZ_REQUIRE(peer.listener >= 0);
    FUZZ_REQUIRE(bind(peer.listener, (const struct sockaddr *)&name, sizeof(name)) == 0);
    FUZZ_REQUIRE(listen(peer.listener, 8) == 0 && atexit(remove_socket) == 0);
    return peer.path;
}

void one_peer_begin(one_peer_act *act)
{
    peer.now_us = BEGIN_US;
    peer.act = act;
}

void one_peer_end(void)
{
    peer.act = NULL;
    one_peer_hang_up();
    /* Connections that the client gave up before they were accepted. */
    for (int fd; (fd = accept4(peer.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
        (void)close(fd);
}
