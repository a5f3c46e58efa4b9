/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load of POST requests with JSON over kept connections on Unix sockets, bounded in connections
 * and time; one JSON line of figures on stdout.
 *
 *   http_load PATH[,PATH...] TARGET BODIES CONNECTIONS RATE MILLISECONDS once|again
 *
 * BODIES has a body a line; with `once` each is sent once, else from the start again. Connections
 * are spread over the paths. RATE is a second's requests, sent when they are due whatever has been
 * answered, and timed from then; with 0 each connection sends when it has its answer.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"
#include "file/whole_file.h"

#define MAX_CONNECTIONS 256
#define MAX_MS          120000
#define MAX_SAMPLES     4000000
#define MAX_BODIES      200000
#define BUFFER          16384

struct connection {
    int fd;
    bool waits; /* for an answer */
    int64_t due_ns;
    size_t size;
    char buffer[BUFFER];
};

struct load {
    const char *target;
    bool once;
    int64_t gap_ns; /* 0: as fast as answers come */
    int64_t begin_ns;
    int64_t end_ns;
    int epoll;
    size_t connections;
    struct connection *table;
    size_t body_count;
    struct vsa_slice *bodies;
    size_t sent;
    uint32_t *latencies_us;
    size_t answered;
    size_t refused;     /* other than 200 and 503 */
    size_t unavailable; /* 503 */
};

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int connect_to(const char *path, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || size >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, size);
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? fd : -1;
}

/* Connects to the paths in turns. */
static int connect_all(struct load *load, const char *paths)
{
    const char *path = paths;
    for (size_t i = 0; i < load->connections; i++) {
        struct connection *connection = &load->table[i];
        size_t size = strcspn(path, ",");
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        connection->fd = connect_to(path, size);
        if (connection->fd < 0 || epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
            return -1;
        path = path[size] ? path + size + 1 : paths;
    }
    return 0;
}

static bool may_send(const struct load *load)
{
    return now_ns() < load->end_ns && load->answered < MAX_SAMPLES &&
           (!load->once || load->sent < load->body_count);
}

static int post(struct load *load, struct connection *connection)
{
    char head[512];
    struct vsa_slice body = load->bodies[load->sent % load->body_count];
    int size = snprintf(head, sizeof(head),
                        "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        load->target, body.size);
    struct iovec parts[] = {{head, (size_t)size}, {(void *)(uintptr_t)body.data, body.size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    connection->due_ns =
        load->gap_ns ? load->begin_ns + (int64_t)load->sent * load->gap_ns : now_ns();
    connection->waits = true;
    load->sent++;
    return sendmsg(connection->fd, &message, MSG_NOSIGNAL) == size + (ssize_t)body.size ? 0 : -1;
}

/* Returns the size of a whole answer; 0 where some is missing. */
static size_t answer_size(struct connection *connection)
{
    connection->buffer[connection->size] = '\0';
    const char *end = strstr(connection->buffer, "\r\n\r\n");
    const char *length = strcasestr(connection->buffer, "\r\nContent-Length: ");
    if (!end || !length)
        return 0;
    size_t size = (size_t)(end + 4 - connection->buffer) + strtoul(length + 18, NULL, 10);
    return size <= connection->size ? size : 0;
}

/* Takes what came; -1 when the connection is of no use any more. */
static int take(struct load *load, struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->buffer + connection->size,
                       BUFFER - 1 - connection->size, MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 && errno == EAGAIN ? 0 : -1;
    connection->size += (size_t)got;
    if (!answer_size(connection))
        return 0;
    if (strncmp(connection->buffer, "HTTP/1.1 503", 12) == 0)
        load->unavailable++;
    else if (strncmp(connection->buffer, "HTTP/1.1 200", 12) != 0)
        load->refused++;
    load->latencies_us[load->answered++] = (uint32_t)((now_ns() - connection->due_ns) / 1000);
    connection->size = 0;
    connection->waits = false;
    return load->gap_ns || !may_send(load) ? 0 : post(load, connection);
}

/* Sends what is due, as far as connections are free. */
static int send_due(struct load *load)
{
    for (size_t i = 0; i < load->connections; i++) {
        int64_t due_ns = load->begin_ns + (int64_t)load->sent * load->gap_ns;
        if (!may_send(load) || due_ns > now_ns())
            return 0;
        if (!load->table[i].waits && post(load, &load->table[i]) < 0)
            return -1;
    }
    return 0;
}

static bool is_waiting(const struct load *load)
{
    for (size_t i = 0; i < load->connections; i++)
        if (load->table[i].waits)
            return true;
    return false;
}

static int run(struct load *load)
{
    struct epoll_event events[64];
    for (size_t i = 0; !load->gap_ns && i < load->connections && may_send(load); i++)
        if (post(load, &load->table[i]) < 0)
            return -1;
    while (may_send(load) || is_waiting(load)) {
        if (load->gap_ns && send_due(load) < 0)
            return -1;
        int count = epoll_wait(load->epoll, events, 64, load->gap_ns ? 1 : 1000);
        for (int i = 0; i < count; i++)
            if (take(load, events[i].data.ptr) < 0)
                return -1;
        if (now_ns() > load->end_ns + INT64_C(20000000000))
            return -1;
    }
    return 0;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int report(const struct load *load)
{
    struct rusage usage;
    double seconds = (double)(now_ns() - load->begin_ns) / 1e9;
    if (!load->answered || getrusage(RUSAGE_SELF, &usage) != 0)
        return 1;
    qsort(load->latencies_us, load->answered, sizeof(*load->latencies_us), ascending);
    double cpu_us = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
                    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    (void)printf("{\"per_second\": %.1f, \"p50_us\": %u, \"p99_us\": %u, \"requests\": %zu, "
                 "\"refused\": %zu, \"unavailable\": %zu, \"own_cpu_us\": %.1f}\n",
                 (double)load->answered / seconds, load->latencies_us[load->answered / 2],
                 load->latencies_us[load->answered * 99 / 100], load->answered, load->refused,
                 load->unavailable, cpu_us / (double)load->answered);
    return 0;
}

static size_t split(struct vsa_slice file, struct vsa_slice *bodies)
{
    size_t count = 0;
    while (file.size && count < MAX_BODIES) {
        const uint8_t *end = memchr(file.data, '\n', file.size);
        size_t size = end ? (size_t)(end - file.data) : file.size;
        bodies[count++] = vsa_slice_of(file.data, size);
        size += end ? 1 : 0;
        file = vsa_slice_of(file.data + size, file.size - size);
    }
    return count;
}

int main(int argc, char **argv)
{
    static struct vsa_slice bodies[MAX_BODIES];
    static struct connection table[MAX_CONNECTIONS];
    static uint32_t latencies_us[MAX_SAMPLES];
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    if (argc != 8 || vsa_whole_file_open(argv[3], &file, NULL) != VSA_OK)
        return 2;
    long rate = strtol(argv[5], NULL, 10);
    long milliseconds = strtol(argv[6], NULL, 10);
    struct load load = {
        .target = argv[2],
        .once = strcmp(argv[7], "once") == 0,
        .gap_ns = rate > 0 ? 1000000000 / rate : 0,
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .connections = strtoul(argv[4], NULL, 10),
        .table = table,
        .bodies = bodies,
        .body_count = split(vsa_whole_file_slice(&file), bodies),
        .latencies_us = latencies_us,
    };
    if (!load.body_count || load.connections > MAX_CONNECTIONS || milliseconds > MAX_MS)
        return 2;
    if (connect_all(&load, argv[1]) < 0) {
        (void)fprintf(stderr, "http_load: cannot connect: %s\n", strerror(errno));
        return 1;
    }
    load.begin_ns = now_ns();
    load.end_ns = load.begin_ns + milliseconds * 1000000;
    if (run(&load) < 0) {
        (void)fprintf(stderr, "http_load: a connection ended after %zu answers\n", load.answered);
        return 1;
    }
    return report(&load);
}
