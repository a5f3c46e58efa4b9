/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock_client's exchange with a server that sends what the input says: one byte for the action,
 * then pieces, each a byte of length and so many bytes. Longer pieces are up to the end of a line;
 * two lengths are orders, to hang up and to send nothing for a while.
 *
 * The linker replaces poll() and the clock (-Wl,--wrap): the server acts when the client waits, in
 * the same thread, and time passes when there is nothing to wait for.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "programs/vsock_client/actions.h"
#include "programs/vsock_client/session.h"

#define HANG_UP    255
#define SILENCE    254
#define WHOLE_LINE 253
/* 2026-01-01T00:00:00Z */
#define NOW_MS     INT64_C(1767225600000)
#define TIMEOUT_MS 30000

enum { ACTION = 7, OVER_MUX = 8, GENERATE_KEY = 64 };

static struct {
    bool active;
    int64_t now_us;
    int listener;
    int connection;
    const uint8_t *at;
    const uint8_t *end;
    char path[64];
} server = {.listener = -1, .connection = -1, .now_us = 1000000};

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
                           struct timespec *left);

/* --- the server ------------------------------------------------------------------------------- */

static void hang_up(void)
{
    if (server.connection >= 0)
        (void)close(server.connection);
    server.connection = -1;
}

static size_t piece_size(size_t length)
{
    size_t left = (size_t)(server.end - server.at);
    const uint8_t *newline = length == WHOLE_LINE && left ? memchr(server.at, '\n', left) : NULL;
    if (newline)
        return (size_t)(newline - server.at) + 1;
    return length < left ? length : left;
}

/* The next piece; false: time passes. */
static bool send_piece(void)
{
    size_t length = *server.at++;
    if (length == SILENCE)
        return false;
    if (length == HANG_UP) {
        hang_up();
        return true;
    }
    size_t size = piece_size(length);
    FUZZ_CALL(send(server.connection, server.at, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0);
    server.at += size;
    return true;
}

/* A client has one connection at a time. */
static bool act(void)
{
    char request[4096];
    int fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        hang_up();
        server.connection = fd;
        return true;
    }
    if (server.connection < 0)
        return false;
    if (recv(server.connection, request, sizeof(request), MSG_DONTWAIT) > 0)
        return true;
    return server.at < server.end && send_piece();
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    int ready = __real_poll(fds, count, 0);
    while (ready == 0 && timeout != 0 && act())
        ready = __real_poll(fds, count, 0);
    if (ready == 0 && timeout > 0)
        server.now_us += (int64_t)timeout * 1000;
    return ready;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!server.active || clock != CLOCK_MONOTONIC)
        return __real_clock_gettime(clock, now);
    *now = (struct timespec){.tv_sec = server.now_us / 1000000,
                             .tv_nsec = (long)(server.now_us % 1000000) * 1000};
    return 0;
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
                           struct timespec *left)
{
    FUZZ_REQUIRE(clock == CLOCK_MONOTONIC && flags == TIMER_ABSTIME && left == NULL);
    int64_t us = (int64_t)until->tv_sec * 1000000 + until->tv_nsec / 1000;
    if (us > server.now_us)
        server.now_us = us;
    return 0;
}

static void remove_socket(void)
{
    (void)unlink(server.path);
}

/* Once, for all inputs. */
static void listen_once(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (server.listener >= 0)
        return;
    (void)snprintf(server.path, sizeof(server.path), "/tmp/vsattest-fuzz-client-%ld",
                   (long)getpid());
    memcpy(name.sun_path, server.path, strlen(server.path));
    (void)unlink(server.path);
    server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    FUZZ_REQUIRE(server.listener >= 0);
    FUZZ_REQUIRE(bind(server.listener, (const struct sockaddr *)&name, sizeof(name)) == 0);
    FUZZ_REQUIRE(listen(server.listener, 8) == 0 && atexit(remove_socket) == 0);
}

/* --- what came of it -------------------------------------------------------------------------- */

/* Nothing that a collector would take for another program's. */
static void check_metrics(const json_t *reply)
{
    const char *line = json_string_value(json_object_get(reply, "metrics"));
    FUZZ_REQUIRE(line && *line);
    for (; *line; line = strchr(line, '\n') + 1) {
        FUZZ_REQUIRE(strchr(line, '\n') != NULL);
        FUZZ_REQUIRE(strncmp(line, "vsattest_", 9) == 0 ||
                     strncmp(line, "# HELP vsattest_", 16) == 0 ||
                     strncmp(line, "# TYPE vsattest_", 16) == 0);
    }
}

static void check_outcome(const char *action, const struct client_outcome *outcome)
{
    if (outcome->status != VSA_OK) {
        FUZZ_REQUIRE(outcome->error.status == outcome->status);
        FUZZ_REQUIRE(outcome->reply == NULL);
        return;
    }
    /* No document of an input is AWS's. */
    FUZZ_REQUIRE(strcmp(action, "verify") != 0);
    if (strcmp(action, "metrics") == 0)
        check_metrics(outcome->reply);
    if (strcmp(action, "status") == 0)
        FUZZ_REQUIRE(json_is_string(json_object_get(outcome->reply, "status")));
    if (strcmp(action, "attest") == 0)
        FUZZ_REQUIRE(outcome->attestation.document_size > 0 &&
                     outcome->attestation.document_size <= VSA_MAX_DOCUMENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct client_arguments arguments;
    static struct client_outcome outcome;
    char address[VSA_MAX_ADDRESS];
    if (size == 0)
        return 0;
    listen_once();
    if (!arguments.policy.verifier)
        FUZZ_REQUIRE(policy_options_init(&arguments.policy, NULL) == VSA_OK);
    arguments.policy.has_time = true;
    arguments.policy.time_ms = NOW_MS;
    arguments.generate_key = data[0] & GENERATE_KEY;
    arguments.retries = data[0] >> 4 & 3;
    arguments.action = &client_actions[(data[0] & ACTION) % 5];
    (void)snprintf(address, sizeof(address), data[0] & OVER_MUX ? "vsock-mux:%s:5000" : "unix:%s",
                   server.path);
    server.at = data + 1;
    server.end = data + size;
    server.now_us = 1000000;
    server.active = true;
    memset(&outcome, 0, sizeof(outcome));
    client_perform(&arguments, address, server.now_us / 1000 + TIMEOUT_MS, &outcome);
    server.active = false;
    check_outcome(arguments.action->name, &outcome);
    client_outcome_free(&outcome);
    hang_up();
    /* Connections that the client gave up before they were accepted. */
    for (int fd; (fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
        (void)close(fd);
    return 0;
}
