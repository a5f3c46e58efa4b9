/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick for the server: a bare epoll loop that sends back what it reads. Nothing can
 * answer lines on a Unix socket with less work. Usage: echo_server PATH (ends on SIGTERM).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"

#define EVENTS 256
#define BUFFER 4096

static int listen_on(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (snprintf(name.sun_path, sizeof(name.sun_path), "%s", path) >= (int)sizeof(name.sun_path))
        return -1;
    VSA_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
        listen(fd, 4096) < 0)
        return -1;
    return vsa_take_fd(&fd);
}

static int watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void accept_all(int epoll, int listener)
{
    int fd = -1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        if (watch(epoll, fd) < 0)
            (void)close(fd);
}

static void echo(int fd)
{
    char buffer[BUFFER];
    ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got > 0 && write(fd, buffer, (size_t)got) == got)
        return;
    if (got < 0 && errno == EAGAIN)
        return;
    (void)close(fd);
}

static void serve(int epoll, int listener)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else
                echo(events[i].data.fd);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: echo_server PATH\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    int listener = listen_on(argv[1]);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || epoll < 0 || watch(epoll, listener) < 0) {
        perror("echo_server");
        return 1;
    }
    serve(epoll, listener);
    return 0;
}
