/* SPDX-License-Identifier: Apache-2.0 */
/* Whole messages and lines on a socket pair. */
#include "unit_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vsattest/transport.h>

#define PATIENCE_MS 20000

static int ours;
static int theirs;
static char buffer[16];
static struct vsa_line_reader reader;

static int set_up(void **state)
{
    (void)state;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    ours = pair[0];
    theirs = pair[1];
    reader = (struct vsa_line_reader){.fd = ours, .buffer = buffer, .capacity = sizeof(buffer)};
    return fcntl(ours, F_SETFL, O_NONBLOCK);
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(ours);
    if (theirs >= 0)
        (void)close(theirs);
    return 0;
}

static void say(const char *text)
{
    assert_int_equal(send(theirs, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void hang_up(void)
{
    (void)close(theirs);
    theirs = -1;
}

static void assert_line(const char *text)
{
    struct vsa_slice line;
    struct vsa_error error = {0};
    if (vsa_read_line(&reader, vsa_deadline(PATIENCE_MS), &line, &error) != VSA_OK)
        fail_msg("%s", error.detail);
    assert_int_equal(line.size, strlen(text));
    assert_memory_equal(line.data, text, line.size);
}

static void assert_no_line(int64_t timeout_ms, enum vsa_status status)
{
    struct vsa_slice line = {0};
    assert_int_equal(vsa_read_line(&reader, vsa_deadline(timeout_ms), &line, NULL), status);
    assert_null(line.data);
}

static void test_lines(void **state)
{
    (void)state;
    say("one\ntwo\r\n\n\r\nth");
    assert_line("one");
    assert_line("two");
    assert_line("");
    assert_line("");
    say("ree\n");
    assert_line("three");
}

/* The newline counts: 15 bytes fit into 16, 16 do not. */
static void test_longest_line(void **state)
{
    (void)state;
    say("123456789012345\n");
    assert_line("123456789012345");
    say("1234567890123456\n");
    assert_no_line(PATIENCE_MS, VSA_ERR_LINE_TOO_LONG);
}

static void test_end(void **state)
{
    (void)state;
    say("one\nha");
    hang_up();
    assert_line("one");
    struct vsa_error error = {0};
    struct vsa_slice line;
    assert_int_equal(vsa_read_line(&reader, vsa_deadline(PATIENCE_MS), &line, &error),
                     VSA_ERR_CLOSED);
    assert_non_null(strstr(error.detail, "in the middle of a line"));
}

static void test_end_without_answer(void **state)
{
    (void)state;
    hang_up();
    assert_no_line(PATIENCE_MS, VSA_ERR_CLOSED);
}

/* A half line keeps: the rest may come after the timeout. */
static void test_timeout(void **state)
{
    (void)state;
    say("ha");
    assert_no_line(50, VSA_ERR_TIMEOUT);
    say("lf\n");
    assert_line("half");
}

static void *drain(void *unused)
{
    (void)unused;
    static char sink[4096];
    size_t total = 0;
    ssize_t got;
    while ((got = recv(theirs, sink, sizeof(sink), 0)) > 0)
        total += (size_t)got;
    return (void *)total;
}

/* More than the socket holds. */
static void test_send_much(void **state)
{
    (void)state;
    enum { SIZE = 8 * 1024 * 1024 };
    char *much = calloc(1, SIZE);
    pthread_t thread;
    void *received = NULL;
    assert_non_null(much);
    assert_int_equal(pthread_create(&thread, NULL, drain, NULL), 0);
    assert_int_equal(vsa_send_all(ours, vsa_slice_of(much, SIZE), vsa_deadline(PATIENCE_MS), NULL),
                     VSA_OK);
    (void)shutdown(ours, SHUT_WR);
    (void)pthread_join(thread, &received);
    assert_int_equal((size_t)received, SIZE);
    free(much);
}

static void test_send_to_nobody(void **state)
{
    (void)state;
    hang_up();
    struct vsa_error error = {0};
    assert_int_equal(vsa_send_all(ours, vsa_slice_of_text("x"), vsa_deadline(PATIENCE_MS), &error),
                     VSA_ERR_CLOSED);
    assert_int_equal(error.status, VSA_ERR_CLOSED);
}

static void test_send_timeout(void **state)
{
    (void)state;
    enum { SIZE = 8 * 1024 * 1024 };
    char *much = calloc(1, SIZE);
    assert_non_null(much);
    assert_int_equal(vsa_send_all(ours, vsa_slice_of(much, SIZE), vsa_deadline(50), NULL),
                     VSA_ERR_TIMEOUT);
    free(much);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lines),
        TEST(test_longest_line),
        TEST(test_end),
        TEST(test_end_without_answer),
        TEST(test_timeout),
        TEST(test_send_much),
        TEST(test_send_to_nobody),
        TEST(test_send_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
