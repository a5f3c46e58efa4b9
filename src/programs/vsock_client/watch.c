/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "base/error.h"
#include "programs/output.h"
#include "programs/vsock_client/text.h"
#include "programs/vsock_client/watch_list.h"
#include "programs/vsock_client/watch_output.h"

#define PROGRAM "vsock_client"

/*
 * A round runs in a thread of its own, so that this one hears signals all the time. Both are never
 * at the list at once: it is the round's between start_round() and the message on `finished`.
 */
struct watch {
    const struct client_arguments *arguments;
    struct client_watch_list list;
    struct client_watch_output output;
    int signals;  /* signalfd */
    int finished; /* eventfd: the round is over */
    pthread_t thread;
    bool threaded;
    enum exit_code code;
};

enum wake_up { WAKE_TIME, WAKE_READY, WAKE_STOP, WAKE_NO_READER };

/* --- rounds ------------------------------------------------------------------------------------
 */

static void *run_round(void *context)
{
    struct watch *watch = context;
    struct client_watch_list *list = &watch->list;
    int64_t deadline_ms = vsa_deadline(watch->arguments->timeout_ms);
    client_watch_list_refresh(list, deadline_ms);
    size_t count;
    struct client_watched *items = client_watch_list_items(list, &count);
    client_parallel(items, count, sizeof(*items), client_round_perform);
    (void)eventfd_write(watch->finished, 1);
    return NULL;
}

static void start_round(struct watch *watch)
{
    watch->threaded = pthread_create(&watch->thread, NULL, run_round, watch) == 0;
    if (!watch->threaded)
        (void)run_round(watch);
}

static void end_round(struct watch *watch)
{
    eventfd_t ignored;
    (void)eventfd_read(watch->finished, &ignored);
    if (watch->threaded)
        (void)pthread_join(watch->thread, NULL);
}

/* --- waiting -----------------------------------------------------------------------------------
 */

/* Waits for the first of: a signal to end, nobody at stdout any more, `fd`, the moment. */
static enum wake_up wait_for(const struct watch *watch, int fd, short events, int64_t until_ms)
{
    for (;;) {
        struct pollfd fds[] = {{watch->signals, POLLIN, 0}, {STDOUT_FILENO, 0, 0}, {fd, events, 0}};
        int64_t left = until_ms - vsa_monotonic_ms();
        if (left < 0)
            left = 0;
        int ready = poll(fds, 3, left > INT32_MAX ? INT32_MAX : (int)left);
        if (ready < 0 && errno != EINTR)
            return WAKE_STOP;
        if (ready > 0 && fds[0].revents)
            return WAKE_STOP;
        if (ready > 0 && fds[1].revents & (POLLERR | POLLHUP))
            return WAKE_NO_READER;
        if (ready > 0 && fds[2].revents)
            return WAKE_READY;
        if (ready == 0 && left <= INT32_MAX)
            return WAKE_TIME;
    }
}

/* Pipes have room or not for 4096 bytes (PIPE_BUF); no line is longer. */
static bool can_write(void)
{
    struct pollfd fd = {STDOUT_FILENO, POLLOUT, 0};
    return poll(&fd, 1, 0) == 1 && fd.revents & POLLOUT;
}

/* The next beat after now: what a slow round has missed is not made up for. */
static int64_t next_round(int64_t started_ms, int64_t interval_ms)
{
    int64_t now = vsa_monotonic_ms();
    return started_ms + ((now - started_ms) / interval_ms + 1) * interval_ms;
}

/* A reader that does not read must not keep us from ending: written is only where there is room. */
static enum wake_up report(struct watch *watch, struct vsa_error *error)
{
    size_t count;
    struct client_watched *items = client_watch_list_items(&watch->list, &count);
    client_watch_output_begin(&watch->output);
    for (size_t i = 0; i <= count; i++) {
        enum wake_up why = WAKE_READY;
        if (!can_write())
            why = wait_for(watch, STDOUT_FILENO, POLLOUT, INT64_MAX);
        if (why != WAKE_READY)
            return why;
        if (i < count)
            watch->code = exit_code_worse(watch->code, exit_code_of(items[i].round.error.status));
        enum vsa_status written =
            i < count ? client_watch_output_result(&watch->output, &items[i], error)
                      : client_watch_output_totals(&watch->output, items, count, error);
        if (written != VSA_OK)
            return WAKE_STOP;
    }
    return watch->output.rounds == watch->arguments->count ? WAKE_STOP : WAKE_TIME;
}

/* Rounds until one of the reasons to end; true if the last one is still under way. */
static bool keep_watching(struct watch *watch, struct vsa_error *error)
{
    int64_t started_ms = vsa_monotonic_ms();
    enum wake_up why = WAKE_TIME;
    bool under_way = false;
    while (why == WAKE_TIME) {
        start_round(watch);
        why = wait_for(watch, watch->finished, POLLIN, INT64_MAX);
        under_way = why != WAKE_READY;
        if (under_way)
            break;
        end_round(watch);
        why = report(watch, error);
        if (why == WAKE_TIME)
            why = wait_for(watch, -1, 0, next_round(started_ms, watch->arguments->interval_ms));
    }
    if (why == WAKE_NO_READER)
        (void)vsa_fail(error, VSA_ERR_IO, VSA_NO_OFFSET, NULL, "nobody reads standard output");
    return under_way;
}

/* --- the program -------------------------------------------------------------------------------
 */

/* Signals to end arrive on a descriptor, in no thread; those that were ignored (nohup) stay so. */
static enum vsa_status open_descriptors(struct watch *watch, struct vsa_error *error)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaddset(&set, numbers[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    /* A reader that has gone is an error of writing, after which there is still a summary. */
    (void)signal(SIGPIPE, SIG_IGN);
    watch->signals = signalfd(-1, &set, SFD_CLOEXEC);
    watch->finished = eventfd(0, EFD_CLOEXEC);
    if (watch->signals >= 0 && watch->finished >= 0)
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_IO, VSA_NO_OFFSET, NULL, "cannot wait for signals: %s",
                    strerror(errno));
}

static void free_watch(struct watch *watch)
{
    for (size_t i = 0; i <= watch->list.count; i++)
        client_outcome_free(&watch->list.watched[i].outcome);
    (void)close(watch->signals);
    (void)close(watch->finished);
}

enum exit_code client_watch(const struct client_arguments *arguments)
{
    static struct watch watch;
    struct vsa_error error = {0};
    watch.arguments = arguments;
    if (open_descriptors(&watch, &error) != VSA_OK) {
        output_error(PROGRAM, &error);
        return exit_code_of(error.status);
    }
    client_watch_list_start(&watch.list, arguments);
    client_watch_output_start(&watch.output, arguments);
    bool under_way = keep_watching(&watch, &error);
    client_watch_output_end(&watch.output, can_write());
    if (error.status != VSA_OK) {
        output_error(PROGRAM, &error);
        watch.code = exit_code_worse(watch.code, exit_code_of(error.status));
    }
    /* Its threads may sit in calls that last to their timeout: the process ends without them. */
    if (under_way)
        _exit((int)watch.code);
    free_watch(&watch);
    return watch.code;
}
