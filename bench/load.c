/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load of request lines on a Unix socket, bounded in connections and time; one JSON line of
 * figures on stdout.
 *
 *   load PATH LINE CONNECTIONS SECONDS kept|oneshot
 *
 * kept: every connection sends the line, waits for a line, sends again. oneshot: it connects anew
 * for every request, as the guide's clients do.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"

#define MAX_CONNECTIONS 10000
#define MAX_SECONDS     120
#define MAX_SAMPLES     4000000
#define BUFFER          65536

struct connection {
    int fd;
    int64_t sent_ns;
};

struct load {
    struct sockaddr_un address;
    const char *line;
    size_t line_size;
    int connections;
    int one_shot;
    int epoll;
    int64_t end_ns;
    struct connection *table;
    uint32_t *latencies_ns;
    size_t samples;
    size_t failures; /* connections that ended, or were not made */
    size_t refused;  /* answers that are no success */
};

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void hang_up(struct connection *connection)
{
    (void)close(connection->fd);
    connection->fd = -1;
}

static int ask(struct load *load, struct connection *connection)
{
    connection->sent_ns = now_ns();
    ssize_t sent = send(connection->fd, load->line, load->line_size, MSG_NOSIGNAL);
    return sent == (ssize_t)load->line_size ? 0 : -1;
}

static int connect_and_ask(struct load *load, struct connection *connection)
{
    int64_t start = now_ns();
    connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        return -1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (connect(connection->fd, (const struct sockaddr *)&load->address, sizeof(load->address)) <
            0 ||
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0 ||
        ask(load, connection) < 0) {
        hang_up(connection);
        return -1;
    }
    connection->sent_ns = start; /* a one-shot client waits for its connection too */
    return 0;
}

static void record(struct load *load, const struct connection *connection)
{
    int64_t latency = now_ns() - connection->sent_ns;
    if (load->samples < MAX_SAMPLES)
        load->latencies_ns[load->samples] = latency > UINT32_MAX ? UINT32_MAX : (uint32_t)latency;
    load->samples++;
}

/* Not of an echo. */
static int is_refusal(const char *reply, size_t size)
{
    static const char refusal[] = "{\"success\":false";
    return size >= sizeof(refusal) - 1 && memcmp(reply, refusal, sizeof(refusal) - 1) == 0;
}

/* Replies are one line; a part of it without its newline is waited for. */
static void on_readable(struct load *load, struct connection *connection)
{
    static char buffer[BUFFER];
    ssize_t got = recv(connection->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    int failed = got <= 0;
    if (!failed && buffer[got - 1] != '\n')
        return;
    if (failed) {
        load->failures++;
    } else {
        record(load, connection);
        load->refused += is_refusal(buffer, (size_t)got);
    }
    if (failed || load->one_shot) {
        hang_up(connection);
        if (connect_and_ask(load, connection) < 0)
            load->failures++;
    } else if (ask(load, connection) < 0) {
        load->failures++;
        hang_up(connection);
    }
}

static void run(struct load *load)
{
    struct epoll_event events[256];
    while (now_ns() < load->end_ns) {
        int count = epoll_wait(load->epoll, events, 256, 100);
        for (int i = 0; i < count; i++)
            on_readable(load, events[i].data.ptr);
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double percentile_us(const struct load *load, size_t count, double share)
{
    return count ? load->latencies_ns[(size_t)((double)(count - 1) * share)] / 1000.0 : 0;
}

static void report(struct load *load, double seconds)
{
    size_t count = load->samples < MAX_SAMPLES ? load->samples : MAX_SAMPLES;
    qsort(load->latencies_ns, count, sizeof(*load->latencies_ns), by_value);
    (void)printf("{\"requests\": %zu, \"failures\": %zu, \"refused\": %zu, \"per_second\": %.0f, "
                 "\"p50_us\": %.1f, \"p99_us\": %.1f}\n",
                 load->samples, load->failures, load->refused, (double)load->samples / seconds,
                 percentile_us(load, count, 0.50), percentile_us(load, count, 0.99));
}

static int prepare(struct load *load, char **argv)
{
    load->address.sun_family = AF_UNIX;
    (void)snprintf(load->address.sun_path, sizeof(load->address.sun_path), "%s", argv[1]);
    load->connections = atoi(argv[3]);
    load->one_shot = strcmp(argv[5], "oneshot") == 0;
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->connections < 1 || load->connections > MAX_CONNECTIONS || load->epoll < 0)
        return -1;
    load->table = calloc((size_t)load->connections, sizeof(*load->table));
    load->latencies_ns = calloc(MAX_SAMPLES, sizeof(*load->latencies_ns));
    return load->table && load->latencies_ns ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct load load = {.epoll = -1};
    char line[1024];
    int seconds = argc == 6 ? atoi(argv[4]) : 0;
    if (argc != 6 || seconds < 1 || seconds > MAX_SECONDS || prepare(&load, argv) < 0) {
        (void)fprintf(stderr, "usage: load PATH LINE CONNECTIONS SECONDS kept|oneshot\n");
        return 2;
    }
    (void)snprintf(line, sizeof(line), "%s\n", argv[2]);
    load.line = line;
    load.line_size = strlen(line);
    int64_t start = now_ns();
    load.end_ns = start + (int64_t)seconds * 1000000000;
    for (int i = 0; i < load.connections; i++)
        if (connect_and_ask(&load, &load.table[i]) < 0)
            load.failures++;
    run(&load);
    report(&load, (double)(now_ns() - start) / 1e9);
    for (int i = 0; i < load.connections; i++)
        if (load.table[i].fd >= 0)
            hang_up(&load.table[i]);
    free(load.table);
    free(load.latencies_ns);
    return load.samples ? 0 : 1;
}
