/* SPDX-License-Identifier: Apache-2.0 */
#include "event/loop.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/monotonic.h"

/* Events handled in one iteration; others wait for the next. */
#define MAX_EVENTS 256

static void on_wake(struct vsa_event_watch *watch, uint32_t events)
{
    const struct vsa_event_loop *loop = VSA_CONTAINER_OF(watch, struct vsa_event_loop, wake);
    uint64_t count;
    ssize_t got = read(watch->fd, &count, sizeof(count));
    (void)got; /* that it is readable no more is all that matters */
    (void)events;
    loop->woken(loop->user);
}

static void begin_slice(struct vsa_event_loop *loop)
{
    loop->slice_us = vsa_monotonic_us();
}

enum vsa_status vsa_event_loop_open(struct vsa_event_loop *loop, void (*woken)(void *user),
                                    void *user, struct vsa_error *error)
{
    *loop = (struct vsa_event_loop){.wake = {.fd = -1, .ready = on_wake},
                                    .now_ms = vsa_monotonic_ms(),
                                    .woken = woken,
                                    .user = user};
    begin_slice(loop);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd >= 0)
        loop->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake.fd < 0) {
        vsa_error_set(error, VSA_ERR_IO, VSA_NO_OFFSET, NULL, "cannot make an event loop: %s",
                      strerror(errno));
        vsa_event_loop_close(loop);
        return VSA_ERR_IO;
    }
    return vsa_event_loop_watch(loop, &loop->wake, EPOLLIN, error);
}

void vsa_event_loop_close(struct vsa_event_loop *loop)
{
    if (loop->wake.fd >= 0)
        (void)close(loop->wake.fd);
    if (loop->epoll_fd >= 0)
        (void)close(loop->epoll_fd);
    loop->wake.fd = -1;
    loop->epoll_fd = -1;
}

enum vsa_status vsa_event_loop_watch(struct vsa_event_loop *loop, struct vsa_event_watch *watch,
                                     uint32_t events, struct vsa_error *error)
{
    struct epoll_event entry = {.events = events, .data = {.ptr = watch}};
    if (watch->added && watch->events == events)
        return VSA_OK;
    int operation = watch->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(loop->epoll_fd, operation, watch->fd, &entry) < 0)
        return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "epoll_ctl(2)", "%s", strerror(errno));
    watch->added = true;
    watch->events = (uint16_t)events;
    return VSA_OK;
}

void vsa_event_loop_unwatch(struct vsa_event_loop *loop, struct vsa_event_watch *watch)
{
    if (watch->added)
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->added = false;
}

bool vsa_event_loop_is_over(const struct vsa_event_loop *loop)
{
    return vsa_monotonic_us() - loop->slice_us >= VSA_EVENT_SLICE_US;
}

/* --- timers ----------------------------------------------------------------------------------- */

void vsa_event_loop_add(struct vsa_event_loop *loop, struct vsa_timer_list *list,
                        int64_t duration_ms, void (*expired)(void *user, struct vsa_timer *timer),
                        void *user)
{
    struct vsa_timer_list **end = &loop->lists;
    while (*end)
        end = &(*end)->next;
    *end = list;
    *list = (struct vsa_timer_list){.duration_ms = duration_ms, .expired = expired, .user = user};
}

void vsa_timer_stop(struct vsa_timer *timer)
{
    vsa_list_remove(&timer->link);
}

void vsa_timer_start(struct vsa_timer_list *list, struct vsa_timer *timer, int64_t now_ms)
{
    vsa_timer_stop(timer);
    timer->due_ms =
        list->duration_ms > VSA_TIMER_NEVER - now_ms ? VSA_TIMER_NEVER : now_ms + list->duration_ms;
    vsa_list_append(&list->running, &timer->link);
}

/* Returns when the first timer is due, or VSA_TIMER_NEVER. */
static int64_t next_ms(const struct vsa_timer_list *list)
{
    const struct vsa_timer *first = vsa_timer_first(list);
    return first ? first->due_ms : VSA_TIMER_NEVER;
}

void vsa_event_loop_expire(struct vsa_event_loop *loop, struct vsa_timer_list *list)
{
    vsa_timer_start(list, &list->mark, loop->now_ms);
    do {
        struct vsa_timer *timer = VSA_CONTAINER_OF(list->running.next, struct vsa_timer, link);
        if (timer == &list->mark || timer->due_ms > loop->now_ms)
            break;
        vsa_timer_stop(timer);
        list->expired(list->user, timer);
    } while (!vsa_event_loop_is_over(loop));
    vsa_timer_stop(&list->mark);
}

/* --- iterations ------------------------------------------------------------------------------- */

/* Returns the timeout for epoll_wait(2): until the first timer is due; -1: none runs. */
static int wait_ms(const struct vsa_event_loop *loop)
{
    int64_t due_ms = VSA_TIMER_NEVER;
    for (const struct vsa_timer_list *list = loop->lists; list; list = list->next)
        if (next_ms(list) < due_ms)
            due_ms = next_ms(list);
    if (due_ms == VSA_TIMER_NEVER)
        return -1;
    int64_t left_ms = due_ms - loop->now_ms;
    if (left_ms <= 0)
        return 0;
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

void vsa_event_loop_iterate(struct vsa_event_loop *loop)
{
    struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(loop->epoll_fd, events, MAX_EVENTS, wait_ms(loop));
    begin_slice(loop);
    loop->now_ms = loop->slice_us / 1000;
    for (int i = 0; i < count; i++) {
        struct vsa_event_watch *watch = events[i].data.ptr;
        watch->ready(watch, events[i].events);
    }
    for (struct vsa_timer_list *list = loop->lists; list; list = list->next) {
        if (next_ms(list) > loop->now_ms)
            continue;
        begin_slice(loop);
        vsa_event_loop_expire(loop, list);
    }
}

void vsa_event_loop_wake(struct vsa_event_loop *loop)
{
    int saved = errno;
    const uint64_t one = 1;
    ssize_t put = write(loop->wake.fd, &one, sizeof(one));
    (void)put; /* fails only if the descriptor is readable already */
    errno = saved;
}
