/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/nsm/socket_transport.c against a peer that is a few lines of this test: silent, late, gone,
 * talking too much. It has a thread of its own where it answers: what it says before it is asked is
 * no answer.
 */
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "nsm/transport.h"
#include "unit_test.h"

/* Long enough for any machine where an answer comes, short where none does. */
#define PATIENT_MS 20000
#define SHORT_MS   50

struct context {
    char directory[32];
    char path[48];
    int listener;
    struct vsa_nsm_transport *transport;
    uint8_t buffer[VSA_NSM_MAX_RESPONSE];
    struct vsa_slice response;
};

static int open_listener(const char *path, int type, int backlog)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    (void)unlink(path);
    assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&name, sizeof(name)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static int setup(void **state)
{
    static struct context context;
    memset(&context, 0, sizeof(context));
    (void)snprintf(context.directory, sizeof(context.directory), "/tmp/vsa-nsm-XXXXXX");
    assert_non_null(mkdtemp(context.directory));
    (void)snprintf(context.path, sizeof(context.path), "%s/nsm", context.directory);
    context.listener = open_listener(context.path, SOCK_SEQPACKET, 8);
    *state = &context;
    return 0;
}

static int teardown(void **state)
{
    struct context *context = *state;
    if (context->transport)
        context->transport->close(context->transport);
    if (context->listener >= 0)
        (void)close(context->listener);
    (void)unlink(context->path);
    (void)rmdir(context->directory);
    return 0;
}

static void open_transport(struct context *context, int timeout_ms)
{
    assert_int_equal(vsa_nsm_socket_open(context->path, timeout_ms, &context->transport, NULL),
                     VSA_OK);
}

static int accept_peer(const struct context *context)
{
    int fd = accept4(context->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* What the peer does about one request; without `answer` it ends the connection. */
struct reaction {
    pthread_t thread;
    int fd;
    const void *answer;
    size_t size;
};

/* Leaves the request where it is, for expect_request(). */
static void *react(void *argument)
{
    const struct reaction *reaction = argument;
    struct pollfd polled = {reaction->fd, POLLIN, 0};
    (void)poll(&polled, 1, PATIENT_MS);
    if (reaction->answer)
        (void)send(reaction->fd, reaction->answer, reaction->size, MSG_NOSIGNAL);
    else
        (void)shutdown(reaction->fd, SHUT_WR);
    return NULL;
}

static void start_reaction(struct reaction *reaction, int fd, const void *answer, size_t size)
{
    *reaction = (struct reaction){.fd = fd, .answer = answer, .size = size};
    assert_int_equal(pthread_create(&reaction->thread, NULL, react, reaction), 0);
}

static void finish_reaction(struct reaction *reaction)
{
    assert_int_equal(pthread_join(reaction->thread, NULL), 0);
}

static void expect_request(int fd, const char *message)
{
    char buffer[64] = "";
    assert_int_equal(recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT), strlen(message));
    assert_string_equal(buffer, message);
}

static enum vsa_status exchange(struct context *context, const char *request,
                                struct vsa_error *error)
{
    return context->transport->exchange(context->transport, vsa_slice_of_text(request),
                                        context->buffer, sizeof(context->buffer),
                                        &context->response, error);
}

static void expect_response(const struct context *context, const char *text)
{
    assert_int_equal(context->response.size, strlen(text));
    assert_memory_equal(context->response.data, text, strlen(text));
}

static void test_one_message_each_way(void **state)
{
    struct context *context = *state;
    open_transport(context, PATIENT_MS);
    int peer = accept_peer(context);
    struct reaction reaction;
    start_reaction(&reaction, peer, "answer", 6);
    assert_int_equal(exchange(context, "question", NULL), VSA_OK);
    finish_reaction(&reaction);
    expect_response(context, "answer");
    expect_request(peer, "question");
    (void)close(peer);
}

static void test_silence_ends_at_the_deadline(void **state)
{
    struct context *context = *state;
    struct vsa_error error = {0};
    open_transport(context, SHORT_MS);
    int peer = accept_peer(context);
    assert_int_equal(exchange(context, "first", &error), VSA_ERR_TIMEOUT);
    assert_non_null(strstr(error.detail, context->path));
    expect_request(peer, "first");
    /* The connection is gone: no reader is there for a late answer. */
    assert_int_equal(send(peer, "late", 4, MSG_NOSIGNAL), -1);
    (void)close(peer);
}

static void test_a_late_answer_is_not_the_next_one(void **state)
{
    struct context *context = *state;
    open_transport(context, SHORT_MS);
    int first = accept_peer(context);
    assert_int_equal(exchange(context, "first", NULL), VSA_ERR_TIMEOUT);
    (void)send(first, "late", 4, MSG_NOSIGNAL);
    assert_int_equal(exchange(context, "second", NULL), VSA_ERR_TIMEOUT);
    int second = accept_peer(context);
    expect_request(second, "second");
    (void)close(first);
    (void)close(second);
}

/* What came before the request answers something else: the request goes out on a new connection. */
static void test_said_unasked(void **state)
{
    struct context *context = *state;
    open_transport(context, SHORT_MS);
    int first = accept_peer(context);
    assert_int_equal(send(first, "unasked", 7, MSG_NOSIGNAL), 7);
    assert_int_equal(exchange(context, "question", NULL), VSA_ERR_TIMEOUT);
    int second = accept_peer(context);
    expect_request(second, "question");
    (void)close(first);
    (void)close(second);
}

static void test_gone_before_the_answer(void **state)
{
    struct context *context = *state;
    struct vsa_error error = {0};
    open_transport(context, PATIENT_MS);
    int peer = accept_peer(context);
    struct reaction reaction;
    start_reaction(&reaction, peer, NULL, 0); /* takes the request, then ends */
    assert_int_equal(exchange(context, "question", &error), VSA_ERR_NSM_UNREACHABLE);
    finish_reaction(&reaction);
    assert_non_null(strstr(error.detail, "went away"));
    (void)close(peer);
}

/* A module that was restarted while nothing was asked: the next request gets through. */
static void test_reconnects_to_one_that_came_back(void **state)
{
    struct context *context = *state;
    open_transport(context, SHORT_MS);
    (void)close(accept_peer(context));
    (void)close(context->listener);
    context->listener = open_listener(context->path, SOCK_SEQPACKET, 8);
    assert_int_equal(exchange(context, "again", NULL), VSA_ERR_TIMEOUT); /* no answer */
    int peer = accept_peer(context);
    expect_request(peer, "again");
    (void)close(peer);
}

static void test_gone_for_good_then_back(void **state)
{
    struct context *context = *state;
    struct vsa_error error = {0};
    open_transport(context, SHORT_MS);
    (void)close(accept_peer(context));
    (void)close(context->listener);
    context->listener = -1;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(exchange(context, "hello?", &error), VSA_ERR_NSM_UNREACHABLE);
        assert_non_null(strstr(error.detail, "no software NSM answers"));
    }
    context->listener = open_listener(context->path, SOCK_SEQPACKET, 8);
    assert_int_equal(exchange(context, "back", NULL), VSA_ERR_TIMEOUT);
    int peer = accept_peer(context);
    expect_request(peer, "back");
    (void)close(peer);
}

static void test_responses_at_their_limit(void **state)
{
    struct context *context = *state;
    static uint8_t large[VSA_NSM_MAX_RESPONSE + 1];
    open_transport(context, PATIENT_MS);
    int peer = accept_peer(context);
    struct reaction reaction;
    start_reaction(&reaction, peer, large, VSA_NSM_MAX_RESPONSE);
    assert_int_equal(exchange(context, "most", NULL), VSA_OK);
    finish_reaction(&reaction);
    assert_int_equal(context->response.size, VSA_NSM_MAX_RESPONSE);
    expect_request(peer, "most");
    start_reaction(&reaction, peer, large, sizeof(large));
    assert_int_equal(exchange(context, "more", NULL), VSA_ERR_REPLY);
    finish_reaction(&reaction);
    (void)close(peer);
}

static void test_nobody_there(void **state)
{
    struct context *context = *state;
    struct vsa_nsm *nsm = NULL;
    struct vsa_error error = {0};
    char address[64];
    (void)snprintf(address, sizeof(address), "unix:%s.none", context->path);
    assert_int_equal(vsa_nsm_open(address, SHORT_MS, &nsm, &error), VSA_ERR_NSM_UNREACHABLE);
    assert_non_null(strstr(error.detail, "software_nsm --listen"));
    assert_null(nsm);
}

static void test_some_other_socket(void **state)
{
    struct context *context = *state;
    struct vsa_nsm_transport *transport = NULL;
    struct vsa_error error = {0};
    (void)close(context->listener);
    context->listener = open_listener(context->path, SOCK_STREAM, 8);
    assert_int_equal(vsa_nsm_socket_open(context->path, SHORT_MS, &transport, &error),
                     VSA_ERR_NSM_UNREACHABLE);
    assert_non_null(strstr(error.detail, "other program"));
    assert_null(transport);
}

/* No process accepts and the queue is full: connecting has a deadline too. */
static void test_full_queue(void **state)
{
    struct context *context = *state;
    struct vsa_nsm_transport *transport = NULL;
    (void)close(context->listener);
    context->listener = open_listener(context->path, SOCK_SEQPACKET, 0);
    open_transport(context, SHORT_MS); /* takes the only place */
    assert_int_equal(vsa_nsm_socket_open(context->path, SHORT_MS, &transport, NULL),
                     VSA_ERR_TIMEOUT);
    assert_null(transport);
}

static void test_path_lengths(void **state)
{
    (void)state;
    char path[VSA_NSM_MAX_PATH + 1];
    struct vsa_nsm_transport *transport = NULL;
    memset(path, 'x', sizeof(path));
    path[VSA_NSM_MAX_PATH] = '\0';
    assert_int_equal(vsa_nsm_socket_open(path, SHORT_MS, &transport, NULL), VSA_ERR_ARGUMENT);
    path[VSA_NSM_MAX_PATH - 1] = '\0';
    assert_int_equal(vsa_nsm_socket_open(path, SHORT_MS, &transport, NULL),
                     VSA_ERR_NSM_UNREACHABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_message_each_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silence_ends_at_the_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_late_answer_is_not_the_next_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_said_unasked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone_before_the_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reconnects_to_one_that_came_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone_for_good_then_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_responses_at_their_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_some_other_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_queue, setup, teardown),
        cmocka_unit_test(test_path_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
