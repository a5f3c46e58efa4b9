/* SPDX-License-Identifier: Apache-2.0 */
#include "server/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include <vsattest/transport.h>

/* Events of one turn; the rest comes with the next. */
#define MAX_EVENTS 256

enum vsa_status vsa_loop_init(struct vsa_loop *loop,
                              void (*woken)(struct vsa_watch *watch, uint32_t events),
                              struct vsa_error *error)
{
    loop->now_ms = vsa_monotonic_ms();
    loop->wake = (struct vsa_watch){.fd = -1, .ready = woken};
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd >= 0)
        loop->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake.fd < 0) {
        vsa_error_set(error, VSA_ERR_IO, VSA_NO_OFFSET, NULL, "cannot make an event loop: %s",
                      strerror(errno));
        vsa_loop_close(loop);
        return VSA_ERR_IO;
    }
    return vsa_loop_watch(loop, &loop->wake, EPOLLIN, error);
}

void vsa_loop_close(struct vsa_loop *loop)
{
    if (loop->wake.fd >= 0)
        (void)close(loop->wake.fd);
    if (loop->epoll_fd >= 0)
        (void)close(loop->epoll_fd);
    loop->wake.fd = -1;
    loop->epoll_fd = -1;
}

enum vsa_status vsa_loop_watch(struct vsa_loop *loop, struct vsa_watch *watch, uint32_t events,
                               struct vsa_error *error)
{
    struct epoll_event entry = {.events = events, .data = {.ptr = watch}};
    if (watch->added && watch->events == events)
        return VSA_OK;
    if (epoll_ctl(loop->epoll_fd, watch->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd, &entry) <
        0)
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "epoll_ctl(2)", "%s", strerror(errno));
    watch->added = true;
    watch->events = events;
    return VSA_OK;
}

void vsa_loop_unwatch(struct vsa_loop *loop, struct vsa_watch *watch)
{
    if (watch->added)
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->added = false;
}

static int wait_time(const struct vsa_loop *loop, int64_t until_ms)
{
    int64_t left = until_ms - loop->now_ms;
    if (until_ms == INT64_MAX)
        return -1;
    if (left <= 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

static void clear_wake(const struct vsa_loop *loop)
{
    uint64_t count;
    ssize_t got = read(loop->wake.fd, &count, sizeof(count));
    (void)got; /* that it is readable no more is all that matters */
}

void vsa_loop_turn(struct vsa_loop *loop, int64_t until_ms)
{
    struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(loop->epoll_fd, events, MAX_EVENTS, wait_time(loop, until_ms));
    loop->now_ms = vsa_monotonic_ms();
    loop->events = count;
    for (int i = 0; i < count; i++) {
        struct vsa_watch *watch = events[i].data.ptr;
        if (watch == &loop->wake)
            clear_wake(loop);
        watch->ready(watch, events[i].events);
    }
    loop->events = 0;
}

void vsa_loop_wake(struct vsa_loop *loop)
{
    int saved = errno;
    const uint64_t one = 1;
    ssize_t put = write(loop->wake.fd, &one, sizeof(one));
    (void)put; /* fails only when it is readable already */
    errno = saved;
}
