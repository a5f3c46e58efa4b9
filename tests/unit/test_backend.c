/* SPDX-License-Identifier: Apache-2.0 */
/* Backends over real Unix sockets: the test is the application behind, in the same thread. */
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/container_of.h"

#define COUNT 8

struct asked {
    struct vsa_exchange exchange;
    int done; /* calls */
    char reply[64];
    enum vsa_status status;
};

static char directory[] = "/tmp/vsa-backend-XXXXXX";
static struct vsa_address address = {.kind = VSA_ADDRESS_UNIX};
static struct vsa_event_loop loop;
static struct vsa_backends *backends;
static struct vsa_backend *backend;
static struct asked asked[COUNT];
static int listener;
static int peers[COUNT]; /* connections, in the order of accepting */

static void on_woken(void *user)
{
    (void)user;
}

static void on_done(struct vsa_exchange *exchange, struct vsa_slice reply,
                    const struct vsa_error *why)
{
    struct asked *one = VSA_CONTAINER_OF(exchange, struct asked, exchange);
    one->done++;
    one->status = why ? why->status : VSA_OK;
    assert_true((why != NULL) == (reply.data == NULL));
    (void)snprintf(one->reply, sizeof(one->reply), "%.*s", (int)(why ? 0 : reply.size),
                   why ? "" : (const char *)reply.data);
    assert_false(vsa_exchange_is_sent(exchange));
}

static void open_listener(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", address.path);
    (void)unlink(address.path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(listener, 16), 0);
}

static int set_up(void **state)
{
    const struct vsa_backend_limits limits = {
        .max_queue = 2, .max_buffered = 1 << 20, .idle_timeout_ms = 600000};
    (void)state;
    memset(asked, 0, sizeof(asked));
    memset(peers, -1, sizeof(peers));
    assert_int_equal(vsa_event_loop_open(&loop, on_woken, NULL, NULL), VSA_OK);
    assert_int_equal(vsa_backends_new(&loop, &limits, &backends, NULL), VSA_OK);
    assert_int_equal(vsa_backend_add(backends, &address, 2, &backend, NULL), VSA_OK);
    open_listener();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        if (peers[i] >= 0)
            (void)close(peers[i]);
    (void)close(listener);
    (void)unlink(address.path);
    vsa_backends_free(backends);
    vsa_event_loop_close(&loop);
    return 0;
}

/* A few iterations: all that is ready is done then. */
static void turn(void)
{
    for (int i = 0; i < 4; i++) {
        vsa_event_loop_wake(&loop);
        vsa_event_loop_iterate(&loop);
        vsa_backends_end_iteration(backends);
    }
}

static enum vsa_status begin(size_t index, const char *line)
{
    struct vsa_error error;
    asked[index].exchange.done = on_done;
    enum vsa_status status =
        vsa_exchange_begin(backend, &asked[index].exchange, vsa_slice_of_text(line), &error);
    assert_int_equal(asked[index].done, 0);
    turn();
    return status;
}

static void accept_peer(size_t index)
{
    peers[index] = accept(listener, NULL, NULL);
    assert_true(peers[index] >= 0);
    assert_int_equal(fcntl(peers[index], F_SETFL, O_NONBLOCK), 0);
}

static void expect_no_peer(void)
{
    assert_int_equal(accept(listener, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
}

static void expect_line(size_t peer, const char *line)
{
    char text[64] = "";
    ssize_t got = recv(peers[peer], text, sizeof(text) - 1, 0);
    assert_int_equal(got, strlen(line));
    assert_string_equal(text, line);
}

static void expect_nothing(size_t peer)
{
    char byte;
    assert_int_equal(recv(peers[peer], &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

static void expect_closed(size_t peer)
{
    char byte;
    assert_int_equal(recv(peers[peer], &byte, 1, 0), 0);
}

static void say(size_t peer, const char *text)
{
    assert_int_equal(send(peers[peer], text, strlen(text), MSG_NOSIGNAL), strlen(text));
    turn();
}

static void expect_reply(size_t index, const char *reply)
{
    assert_int_equal(asked[index].done, 1);
    assert_int_equal(asked[index].status, VSA_OK);
    assert_string_equal(asked[index].reply, reply);
}

static void expect_failure(size_t index)
{
    assert_int_equal(asked[index].done, 1);
    assert_int_equal(asked[index].status, VSA_ERR_BACKEND);
}

/* The first exchange, on the first connection. */
static void begin_first(void)
{
    assert_int_equal(begin(0, "a\n"), VSA_OK);
    accept_peer(0);
    expect_line(0, "a\n");
}

static void connections_are_kept(void **state)
{
    (void)state;
    assert_int_equal(begin(0, "a\n"), VSA_OK);
    assert_true(vsa_exchange_is_sent(&asked[0].exchange));
    accept_peer(0);
    expect_line(0, "a\n");
    say(0, "re");
    assert_int_equal(asked[0].done, 0);
    say(0, "ply\n");
    expect_reply(0, "reply");
    assert_int_equal(begin(1, "b\n"), VSA_OK);
    expect_line(0, "b\n");
    expect_no_peer();
    say(0, "two\n");
    expect_reply(1, "two");
    assert_int_equal(asked[0].done, 1);
}

static void others_wait(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(begin(i, i == 2 ? "third\n" : i == 3 ? "fourth\n" : "x\n"), VSA_OK);
    assert_false(vsa_exchange_is_sent(&asked[2].exchange));
    assert_int_equal(begin(4, "fifth\n"), VSA_ERR_BUSY);
    accept_peer(0);
    accept_peer(1);
    expect_no_peer();
    expect_line(0, "x\n");
    expect_line(1, "x\n");
    say(1, "1\n");
    expect_reply(1, "1");
    expect_line(1, "third\n");
    /* One that waits may go: it is never sent. */
    vsa_exchange_cancel(&asked[3].exchange);
    say(0, "0\n");
    expect_nothing(0);
    say(1, "2\n");
    expect_reply(2, "2");
    assert_int_equal(asked[3].done, 0);
}

static void no_listener(void **state)
{
    (void)state;
    (void)close(listener);
    assert_int_equal(begin(0, "a\n"), VSA_ERR_BACKEND);
    assert_int_equal(unlink(address.path), 0);
    assert_int_equal(begin(0, "a\n"), VSA_ERR_BACKEND);
    open_listener();
    begin_first();
}

static void cancelled(void **state)
{
    (void)state;
    begin_first();
    vsa_exchange_cancel(&asked[0].exchange);
    turn();
    /* Its reply would be taken for the next one's. */
    expect_closed(0);
    assert_int_equal(begin(1, "b\n"), VSA_OK);
    accept_peer(1);
    expect_line(1, "b\n");
    assert_int_equal(asked[0].done, 0);
    vsa_exchange_cancel(&asked[0].exchange);
    say(1, "b\n");
    expect_reply(1, "b");
}

static void closed_by_the_backend(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(begin(i, i == 2 ? "third\n" : "x\n"), VSA_OK);
    accept_peer(0);
    accept_peer(1);
    (void)close(peers[0]);
    turn();
    expect_failure(0);
    /* What waited for it gets a connection of its own. */
    accept_peer(0);
    expect_line(0, "third\n");
    /* The last line may lack its newline. */
    say(0, "3");
    (void)close(peers[0]);
    peers[0] = -1;
    turn();
    expect_reply(2, "3");
    /* With no listener any more, all that wait fail. */
    assert_int_equal(asked[1].done, 0);
    assert_int_equal(begin(3, "x\n"), VSA_OK);
    assert_int_equal(begin(4, "y\n"), VSA_OK);
    (void)close(listener);
    (void)close(peers[1]);
    peers[1] = -1;
    turn();
    expect_failure(1);
    expect_failure(3);
    expect_failure(4);
    open_listener();
}

static void free_ones_are_closed(void **state)
{
    (void)state;
    assert_int_equal(begin(0, "a\n"), VSA_OK);
    accept_peer(0);
    say(0, "a\n");
    expect_reply(0, "a");
    (void)close(peers[0]);
    turn();
    assert_int_equal(begin(1, "b\n"), VSA_OK);
    accept_peer(0);
    expect_line(0, "b\n");
}

static void more_than_a_reply(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(begin(i, i == 2 ? "third\n" : "x\n"), VSA_OK);
    accept_peer(0);
    accept_peer(1);
    expect_line(0, "x\n");
    say(0, "first\nsecond\n");
    expect_reply(0, "first");
    expect_closed(0);
    assert_int_equal(asked[2].done, 0);
    accept_peer(2);
    expect_line(2, "third\n");
    say(2, "3\n");
    expect_reply(2, "3");
}

static void unasked(void **state)
{
    (void)state;
    begin_first();
    say(0, "a\n");
    expect_reply(0, "a");
    say(0, "hello\n");
    expect_closed(0);
    assert_int_equal(begin(1, "b\n"), VSA_OK);
    accept_peer(1);
    expect_line(1, "b\n");
}

/* The same, but the loop comes to the next request before it comes to the backend's line. */
static void unasked_at_once(void **state)
{
    (void)state;
    begin_first();
    say(0, "a\n");
    expect_reply(0, "a");
    assert_int_equal(send(peers[0], "secret\n", 7, MSG_NOSIGNAL), 7);
    assert_int_equal(begin(1, "b\n"), VSA_OK);
    accept_peer(1);
    expect_line(1, "b\n");
    char byte;
    assert_int_equal(recv(peers[0], &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET); /* closed with the line unread */
    assert_int_equal(asked[1].done, 0);
    say(1, "b\n");
    expect_reply(1, "b");
}

static void begin_second(struct vsa_exchange *exchange, struct vsa_slice reply,
                         const struct vsa_error *why)
{
    struct vsa_error error;
    on_done(exchange, reply, why);
    asked[1].exchange.done = on_done;
    assert_int_equal(
        vsa_exchange_begin(backend, &asked[1].exchange, vsa_slice_of_text("b\n"), &error), VSA_OK);
}

/* A reply is followed by another line, and what gets the reply begins the next exchange. */
static void unasked_in_one_piece(void **state)
{
    struct vsa_error error;
    (void)state;
    asked[0].exchange.done = begin_second;
    assert_int_equal(
        vsa_exchange_begin(backend, &asked[0].exchange, vsa_slice_of_text("a\n"), &error), VSA_OK);
    turn();
    accept_peer(0);
    expect_line(0, "a\n");
    say(0, "a\nsecret\n");
    expect_reply(0, "a");
    expect_closed(0);
    assert_int_equal(asked[1].done, 0);
    accept_peer(1);
    expect_line(1, "b\n");
    say(1, "b\n");
    expect_reply(1, "b");
}

static void too_long(void **state)
{
    static char line[VSA_MAX_REPLY_LINE + 1];
    (void)state;
    memset(line, 'x', sizeof(line));
    assert_int_equal(begin(0, "a\n"), VSA_OK);
    accept_peer(0);
    for (size_t sent = 0; sent < sizeof(line) && asked[0].done == 0;) {
        ssize_t size = send(peers[0], line + sent, sizeof(line) - sent, MSG_NOSIGNAL);
        assert_true(size > 0);
        sent += (size_t)size;
        turn();
    }
    expect_failure(0);
}

static void kinds(void **state)
{
    (void)state;
    struct vsa_address other = {.kind = VSA_ADDRESS_VSOCK, .cid = 3, .port = 9000};
    struct vsa_backend *added = NULL;
    assert_int_equal(vsa_backend_add(backends, &other, 1, &added, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_backend_add(backends, &address, 0, &added, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_backend_add(backends, &address, 1025, &added, NULL), VSA_ERR_ARGUMENT);
    for (size_t i = 1; i < VSA_MAX_BACKENDS; i++)
        assert_int_equal(vsa_backend_add(backends, &address, 1, &added, NULL), VSA_OK);
    assert_int_equal(vsa_backend_add(backends, &address, 1, &added, NULL), VSA_ERR_TOO_MANY);
}

static int make_directory(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(address.path, sizeof(address.path), "%s/socket", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(connections_are_kept),
        TEST(others_wait),
        TEST(no_listener),
        TEST(cancelled),
        TEST(closed_by_the_backend),
        TEST(free_ones_are_closed),
        TEST(more_than_a_reply),
        TEST(unasked),
        TEST(unasked_at_once),
        TEST(unasked_in_one_piece),
        TEST(too_long),
        TEST(kinds),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
