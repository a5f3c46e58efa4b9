/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a backend answers; the test is the application, in the same thread. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pipeline_fixture.h"
#include "server/forward.h"

#define REQUEST "{\"command\":\"sign\",\"id\":1}\n"

static char directory[] = "/tmp/vsa-forward-XXXXXX";
static char address[64];
static int listener;
static int application; /* its end of the connection, or -1 */
static int peer;

static void open_listener(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", address + strlen("unix:"));
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(listener, 16), 0);
}

static int set_up(void **state)
{
    if (pipeline_set_up(state))
        return -1;
    application = -1;
    pipeline.options.max_buffered = 1 << 20;
    assert_int_equal(vsa_forward_add(&pipeline.requests, "sign,unlock", address, 1,
                                     VSA_COMMAND_RATE_LIMITED, NULL),
                     VSA_OK);
    open_listener();
    peer = connect_stream();
    return 0;
}

static int tear_down(void **state)
{
    if (application >= 0)
        (void)close(application);
    (void)close(listener);
    (void)unlink(address + strlen("unix:"));
    return pipeline_tear_down(state);
}

/* Returns the line that the application gets. */
static const char *accepted_line(void)
{
    static char line[1000];
    ssize_t size = -1;
    while (size < 0) {
        vsa_event_loop_wake(&pipeline.loop);
        iterate();
        if (application < 0)
            application = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (application >= 0)
            size = recv(application, line, sizeof(line) - 1, 0);
    }
    line[size] = '\0';
    return line;
}

static void reply(const char *text)
{
    assert_int_equal(send(application, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void asked_and_answered(void **state)
{
    (void)state;
    begin_request(peer, REQUEST);
    assert_string_equal(accepted_line(), "{\"command\":\"sign\",\"id\":1,\"vsattest\":{\"sealed\":"
                                         "false,\"aad\":null,\"peer\":null,\"sender\":null}}\n");
    reply("{\"success\":true,\"id\":5,\"signature\":\"s\"}\n");
    assert_string_equal(receive_lines(peer, 1),
                        "{\"success\":true,\"signature\":\"s\",\"id\":1}\n");
    assert_in_flight(0);
    assert_nothing_buffered();
}

static void no_reply_of_the_protocol(void **state)
{
    (void)state;
    begin_request(peer, REQUEST);
    (void)accepted_line();
    reply("pong\n");
    assert_says(peer, "\"error_code\":\"backend_unavailable\",\"id\":1}\n");
    assert_nothing_buffered();
}

static void no_application(void **state)
{
    (void)state;
    (void)close(listener);
    listener = -1;
    send_text(peer, REQUEST);
    assert_says(peer, "\"error_code\":\"backend_unavailable\",\"id\":1}\n");
    assert_in_flight(0);
    assert_nothing_buffered();
}

static void too_slow(void **state)
{
    (void)state;
    pipeline.requests.timeouts.duration_ms = 50;
    begin_request(peer, REQUEST);
    assert_says(peer, "\"error_code\":\"timeout\",\"id\":1}\n");
    assert_in_flight(0);
    assert_nothing_buffered();
}

/* The application's reply has no client to go to: its connection ends. */
static void client_that_goes(void **state)
{
    (void)state;
    begin_request(peer, REQUEST);
    (void)accepted_line();
    (void)shutdown(peer, SHUT_RDWR);
    iterate();
    assert_in_flight(0);
    assert_nothing_buffered();
    assert_string_equal(accepted_line(), "");
}

/* Whatever is under way is freed with all the rest: by the tear-down. */
static void end_with_requests(void **state)
{
    (void)state;
    begin_request(peer, REQUEST);
    begin_request(connect_stream(), REQUEST);
    assert_in_flight(2);
}

static void what_cannot_be_added(void **state)
{
    (void)state;
    struct vsa_requests *all = &pipeline.requests;
    assert_int_equal(vsa_forward_add(all, "*", address, 1, 0, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_forward_add(all, "a,", address, 1, 0, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_forward_add(all, "sign", address, 1, 0, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_forward_add(all, "a", "tcp:127.0.0.1:1", 1, 0, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_forward_add(all, "a", address, 1, VSA_COMMAND_NSM, NULL),
                     VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_forward_add(all, NULL, address, 1, 0, NULL), VSA_OK);
    assert_int_equal(vsa_forward_add(all, NULL, address, 1, 0, NULL), VSA_ERR_ARGUMENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asked_and_answered),   TEST(no_reply_of_the_protocol),
        TEST(no_application),       TEST(too_slow),
        TEST(client_that_goes),     TEST(end_with_requests),
        TEST(what_cannot_be_added),
    };
    if (!mkdtemp(directory))
        return 1;
    (void)snprintf(address, sizeof(address), "unix:%s/a", directory);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(directory);
    return failed;
}
