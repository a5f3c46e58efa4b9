/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slow_tool.h"
#include "stream/acceptor.h"
#include "stream/stream.h"
#include "stream/writing.h"

static struct vsa_event_loop loop;
static struct vsa_streams *streams;
static struct vsa_listener listener;
static struct vsa_acceptor acceptor;
static struct vsa_stream_limits limits;
static char directory[32];
static int opened;
static int refused;
static int paused;
static int clients[8];
static size_t client_count;

static void on_opened(struct vsa_stream *stream)
{
    (void)stream;
    opened++;
}

/* Suspended streams are not idle: they do not give way. */
static void on_line(struct vsa_stream *stream, struct vsa_slice line)
{
    (void)line;
    vsa_stream_suspend(stream, &loop);
}

static void on_failing(struct vsa_stream *stream, enum vsa_status why, const char *detail)
{
    (void)stream, (void)why, (void)detail;
}

static void on_closed(struct vsa_stream *stream, enum vsa_status why)
{
    (void)stream, (void)why;
}

static const struct vsa_stream_handlers handlers = {on_opened, on_line, on_failing, on_closed};

static void on_refused(void *user, int fd, const struct vsa_error *why)
{
    assert_ptr_equal(user, &loop);
    if (fd < 0) {
        paused++;
        return;
    }
    refused++;
    assert_int_equal(why->status, VSA_ERR_CONNECTIONS);
    assert_int_equal(send(fd, "no\n", 3, MSG_NOSIGNAL), 3);
}

static void on_woken(void *user)
{
    (void)user;
}

static int set_up(void **state)
{
    (void)state;
    struct vsa_address address = {.kind = VSA_ADDRESS_UNIX};
    opened = refused = paused = 0;
    client_count = 0;
    strcpy(directory, "/tmp/vsa-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(address.path, sizeof(address.path), "%s/socket", directory);
    limits = (struct vsa_stream_limits){
        .max_streams = 2, .max_line = 100, .max_buffered = 1000, .idle_timeout_ms = 600000};
    assert_int_equal(vsa_listen(&address, &listener, NULL), VSA_OK);
    assert_int_equal(vsa_event_loop_open(&loop, on_woken, NULL, NULL), VSA_OK);
    assert_int_equal(vsa_streams_new(&loop, &limits, &handlers, NULL, &streams, NULL), VSA_OK);
    acceptor = (struct vsa_acceptor){.loop = &loop,
                                     .streams = streams,
                                     .listener = &listener,
                                     .refused = on_refused,
                                     .user = &loop};
    assert_int_equal(vsa_acceptor_start(&acceptor, NULL), VSA_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < client_count; i++)
        (void)close(clients[i]);
    vsa_streams_free(streams);
    vsa_listener_close(&listener);
    vsa_event_loop_close(&loop);
    return rmdir(directory);
}

static int connect_client(void)
{
    int fd = -1;
    assert_int_equal(vsa_connect(&listener.address, vsa_deadline(10000), &fd, NULL), VSA_OK);
    clients[client_count++] = fd;
    return fd;
}

static void iterate(void)
{
    vsa_event_loop_wake(&loop);
    vsa_event_loop_iterate(&loop);
    vsa_streams_end_iteration(streams);
}

static void test_accepts(void **state)
{
    (void)state;
    char text[8] = {0};
    for (int i = 0; i < 2; i++)
        assert_int_equal(send(connect_client(), "x\n", 2, MSG_NOSIGNAL), 2);
    iterate();
    iterate();
    assert_int_equal(opened, 2);
    int fd = connect_client();
    iterate();
    assert_int_equal(refused, 1);
    assert_int_equal(recv(fd, text, sizeof(text), 0), 3);
    assert_string_equal(text, "no\n");
    assert_int_equal(recv(fd, text, sizeof(text), 0), 0);
    assert_int_equal(paused, 0);
}

/* Without descriptors it pauses; the first stream that closes ends the pause, not the clock. */
static void test_descriptors(void **state)
{
    (void)state;
    struct rlimit before;
    /* It keeps descriptors and the limit for itself. */
    if (is_slow_tool())
        SKIP_BECAUSE("valgrind has its own notion of the limit of descriptors");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    (void)connect_client();
    iterate();
    assert_int_equal(opened, 1);
    (void)connect_client();
    struct rlimit none = {(rlim_t)clients[1] + 1, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    iterate();
    assert_int_equal(paused, 1);
    assert_int_equal(opened, 1);
    acceptor.pause.due_ms = INT64_MAX; /* the pause itself would not end */
    iterate();
    assert_int_equal(opened, 1);
    (void)shutdown(clients[0], SHUT_RDWR);
    iterate();
    iterate();
    (void)setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(opened, 2);
}

/* Who connected before the stop is taken. */
static void test_stop(void **state)
{
    (void)state;
    (void)connect_client();
    vsa_acceptor_stop(&acceptor);
    assert_int_equal(opened, 1);
    assert_int_equal(listener.fd, -1);
    iterate();
}

static void test_peers(void **state)
{
    (void)state;
    struct sockaddr_vm vsock = {.svm_family = AF_VSOCK, .svm_cid = 3, .svm_port = 9000};
    struct sockaddr_storage storage = {0};
    struct sockaddr plain = {.sa_family = AF_UNIX};
    memcpy(&storage, &vsock, sizeof(vsock));
    const struct sockaddr *address = (const struct sockaddr *)&storage;
    assert_int_equal(vsa_acceptor_cid_of(address, sizeof(vsock)), 3);
    assert_int_equal(vsa_acceptor_cid_of(address, sizeof(vsock) - 1), 0);
    assert_int_equal(vsa_acceptor_cid_of(&plain, sizeof(plain)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accepts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_descriptors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_peers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
