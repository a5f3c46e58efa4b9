/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to Unix sockets and to multiplexers that do what the test wants. */
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vsattest/transport.h>

#define PATIENCE_MS 20000

static char directory[32];
static char path[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/vsa-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/s", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static struct vsa_address unix_address(void)
{
    struct vsa_address address = {.kind = VSA_ADDRESS_UNIX};
    (void)snprintf(address.path, sizeof(address.path), "%s", path);
    return address;
}

static struct vsa_address mux_address(void)
{
    struct vsa_address address = unix_address();
    address.kind = VSA_ADDRESS_VSOCK_MUX;
    address.port = 9000;
    return address;
}

static int listen_at_path(int type, int backlog)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static void assert_fails(struct vsa_address address, int64_t timeout_ms, enum vsa_status status,
                         const char *words)
{
    struct vsa_error error = {0};
    int fd = -7;
    enum vsa_status got = vsa_connect(&address, vsa_deadline(timeout_ms), &fd, &error);
    if (got != status)
        fail_msg("%s instead of %s: %s", vsa_status_code(got), vsa_status_code(status),
                 error.detail);
    assert_int_equal(error.status, status);
    if (!strstr(error.detail, words))
        fail_msg("\"%s\" does not say \"%s\"", error.detail, words);
    assert_int_equal(fd, -7);
}

/* --- unix ------------------------------------------------------------------------------------- */

static void test_unix(void **state)
{
    (void)state;
    int listener = listen_at_path(SOCK_STREAM, 4);
    struct vsa_address address = unix_address();
    int fd = -1;
    assert_int_equal(vsa_connect(&address, vsa_deadline(PATIENCE_MS), &fd, NULL), VSA_OK);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    int accepted = accept(listener, NULL, NULL);
    assert_true(accepted >= 0);
    (void)close(accepted);
    (void)close(fd);
    (void)close(listener);
}

static void test_unix_refused(void **state)
{
    (void)state;
    assert_fails(unix_address(), PATIENCE_MS, VSA_ERR_REFUSED, "there is no such socket");
    (void)close(listen_at_path(SOCK_STREAM, 1)); /* its file stays */
    assert_fails(unix_address(), PATIENCE_MS, VSA_ERR_REFUSED, "no server listens on");
}

static void test_unix_other_socket(void **state)
{
    (void)state;
    int listener = listen_at_path(SOCK_SEQPACKET, 1);
    assert_fails(unix_address(), PATIENCE_MS, VSA_ERR_IO, "not a stream socket");
    (void)close(listener);
}

/* A listener that does not accept, with its backlog full. */
static void test_unix_timeout(void **state)
{
    (void)state;
    int listener = listen_at_path(SOCK_STREAM, 0);
    struct vsa_address address = unix_address();
    int first = -1;
    assert_int_equal(vsa_connect(&address, vsa_deadline(PATIENCE_MS), &first, NULL), VSA_OK);
    int64_t begin = vsa_monotonic_ms();
    assert_fails(address, 100, VSA_ERR_TIMEOUT, "overloaded or stopped");
    assert_true(vsa_monotonic_ms() - begin >= 100);
    (void)close(first);
    (void)close(listener);
}

static void test_cid_any(void **state)
{
    (void)state;
    struct vsa_address address = {.kind = VSA_ADDRESS_VSOCK, .cid = VSA_CID_ANY, .port = 9000};
    assert_fails(address, PATIENCE_MS, VSA_ERR_ARGUMENT, "name the enclave's CID");
}

static void test_no_address(void **state)
{
    (void)state;
    struct vsa_address address = {0};
    assert_fails(address, PATIENCE_MS, VSA_ERR_ARGUMENT, "not an address");
}

/* --- vsock-mux -------------------------------------------------------------------------------- */

struct mux {
    int listener;
    pthread_t thread;
    const char *reply; /* NULL: silence until the client goes */
    bool keep_open;
    char request[64];
};

static void *serve_mux(void *argument)
{
    struct mux *mux = argument;
    int fd = accept(mux->listener, NULL, NULL);
    size_t size = 0;
    while (size < sizeof(mux->request) - 1 && recv(fd, mux->request + size, 1, 0) == 1)
        if (mux->request[size++] == '\n')
            break;
    if (mux->reply)
        (void)send(fd, mux->reply, strlen(mux->reply), MSG_NOSIGNAL);
    if (!mux->reply || mux->keep_open) {
        struct pollfd gone = {.fd = fd, .events = POLLIN};
        (void)poll(&gone, 1, PATIENCE_MS);
    }
    (void)close(fd);
    return NULL;
}

static void start_mux(struct mux *mux)
{
    mux->listener = listen_at_path(SOCK_STREAM, 4);
    assert_int_equal(pthread_create(&mux->thread, NULL, serve_mux, mux), 0);
}

static void stop_mux(struct mux *mux)
{
    (void)pthread_join(mux->thread, NULL);
    (void)close(mux->listener);
}

/* What follows the OK at once is the stream's, to the byte. */
static void test_mux(void **state)
{
    (void)state;
    struct mux mux = {.reply = "OK 1073741824\nhello", .keep_open = true};
    struct vsa_address address = mux_address();
    char text[8] = "";
    int fd = -1;
    start_mux(&mux);
    assert_int_equal(vsa_connect(&address, vsa_deadline(PATIENCE_MS), &fd, NULL), VSA_OK);
    assert_int_equal(recv(fd, text, sizeof(text), 0), 5);
    assert_string_equal(text, "hello");
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    (void)close(fd);
    stop_mux(&mux);
    assert_string_equal(mux.request, "CONNECT 9000\n");
}

static void check_mux_refusal(const char *reply, enum vsa_status status, const char *words)
{
    struct mux mux = {.reply = reply};
    start_mux(&mux);
    assert_fails(mux_address(), PATIENCE_MS, status, words);
    stop_mux(&mux);
    (void)unlink(path);
}

static void test_mux_refusals(void **state)
{
    (void)state;
    static const char no_ok[] = "not \"OK NUMBER\"";
    check_mux_refusal("", VSA_ERR_REFUSED, "no server listens on port 9000 of the guest");
    check_mux_refusal("OK 12", VSA_ERR_REFUSED, "no server listens");
    check_mux_refusal("OK\n", VSA_ERR_REPLY, no_ok);
    check_mux_refusal("OK \n", VSA_ERR_REPLY, no_ok);
    check_mux_refusal("OK 12 \n", VSA_ERR_REPLY, no_ok);
    check_mux_refusal("ok 12\n", VSA_ERR_REPLY, no_ok);
    check_mux_refusal("\n", VSA_ERR_REPLY, no_ok);
    check_mux_refusal("HTTP/1.1 400 Bad Request\r\n", VSA_ERR_REPLY, no_ok);
    check_mux_refusal("OK 00000000000000000000000000000000000000\n", VSA_ERR_REPLY,
                      "longer than 32 bytes");
    assert_fails(mux_address(), PATIENCE_MS, VSA_ERR_REFUSED, "there is no such socket");
}

static void test_mux_silence(void **state)
{
    (void)state;
    struct mux mux = {.reply = NULL};
    start_mux(&mux);
    assert_fails(mux_address(), 100, VSA_ERR_TIMEOUT, "multiplexer");
    stop_mux(&mux);
}

static void test_deadline(void **state)
{
    (void)state;
    int64_t now = vsa_monotonic_ms();
    assert_true(vsa_deadline(INT64_MAX) == INT64_MAX);
    assert_in_range(vsa_deadline(-5), now, now + PATIENCE_MS);
    assert_in_range(vsa_deadline(1000), now + 1000, now + 1000 + PATIENCE_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_unix),         TEST(test_unix_refused), TEST(test_unix_other_socket),
        TEST(test_unix_timeout), TEST(test_cid_any),      TEST(test_no_address),
        TEST(test_mux),          TEST(test_mux_refusals), TEST(test_mux_silence),
        TEST(test_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
