/* SPDX-License-Identifier: Apache-2.0 */
/* A server's life in the test's thread, with a socket to accept from. */
#include "unit_test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/slice.h"
#include "pipeline_fixture.h"
#include "server/lifecycle.h"

#define PATIENCE_MS 20000

static char directory[32];
static struct vsa_address address;
static struct vsa_listener listener;
static struct vsa_lifecycle lifecycle;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

/* Stops the server, and then waits: for the other thread to let go. */
static enum vsa_status stop_and_wait(const struct vsa_command_context *context,
                                     const json_t *request, json_t *reply, struct vsa_error *error)
{
    (void)context, (void)request, (void)reply, (void)error;
    vsa_lifecycle_stop(&lifecycle);
    (void)pthread_mutex_lock(&held);
    (void)pthread_mutex_unlock(&held);
    return VSA_OK;
}

static int set_up(void **state)
{
    const struct vsa_command command = {"stop", stop_and_wait, NULL, VSA_COMMAND_BLOCKING};
    char text[64];
    strcpy(directory, "/tmp/vsa-XXXXXX");
    if (pipeline_set_up(state) != 0 || !mkdtemp(directory))
        return -1;
    (void)snprintf(text, sizeof(text), "unix:%s/server", directory);
    assert_int_equal(vsa_address_parse(text, &address, NULL), VSA_OK);
    assert_int_equal(vsa_listen(&address, &listener, NULL), VSA_OK);
    assert_int_equal(
        vsa_command_table_add(&pipeline.requests.table, &command, VSA_ROLE_PROGRAM, NULL), VSA_OK);
    pipeline.options.drain_timeout_ms = PATIENCE_MS;
    lifecycle = (struct vsa_lifecycle){.requests = &pipeline.requests};
    pipeline.loop.woken = vsa_lifecycle_woken;
    pipeline.loop.user = &lifecycle;
    return 0;
}

static int tear_down(void **state)
{
    vsa_listener_close(&listener);
    (void)pipeline_tear_down(state);
    return rmdir(directory); /* fails if the socket's file is left */
}

/* A client that waits in the backlog. */
static int send_lines(const char *lines)
{
    int fd = -1;
    int64_t deadline = vsa_deadline(PATIENCE_MS);
    assert_int_equal(vsa_connect(&address, deadline, &fd, NULL), VSA_OK);
    assert_int_equal(vsa_send_all(fd, vsa_slice_of_text(lines), deadline, NULL), VSA_OK);
    pipeline.peers[pipeline.peer_count++] = fd;
    return fd;
}

/* All that it was sent, until the end. */
static const char *receive_all(int fd)
{
    static char text[4096];
    size_t size = 0;
    ssize_t got;
    while ((got = recv(fd, text + size, sizeof(text) - 1 - size, MSG_DONTWAIT)) > 0)
        size += (size_t)got;
    assert_int_equal(got, 0);
    text[size] = '\0';
    return text;
}

/* Who has connected before the stop gets an answer, and no server runs twice. */
static void test_stop_before_run(void **state)
{
    (void)state;
    int peer = send_lines(PING);
    vsa_lifecycle_stop(&lifecycle);
    vsa_lifecycle_stop(&lifecycle);
    assert_int_equal(vsa_lifecycle_run(&lifecycle, &listener, NULL), VSA_OK);
    assert_non_null(strstr(receive_all(peer), "\"error_code\":\"shutting_down\""));
    assert_int_equal(pipeline.events[VSA_EVENT_LISTENING], 1);
    assert_int_equal(pipeline.events[VSA_EVENT_STOPPING], 1);
    assert_int_equal(pipeline.events[VSA_EVENT_CONNECTION_CLOSED], 1);
    assert_int_equal(pipeline.events[VSA_EVENT_STOPPED], 1);
    assert_int_equal(vsa_lifecycle_run(&lifecycle, &listener, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(pipeline.events[VSA_EVENT_STOPPED], 1);
}

/* What is in flight is answered first. */
static void test_drain(void **state)
{
    (void)state;
    int peer = send_lines("{\"command\":\"stop\",\"id\":1}\n");
    assert_int_equal(vsa_lifecycle_run(&lifecycle, &listener, NULL), VSA_OK);
    assert_string_equal(receive_all(peer), "{\"success\":true,\"id\":1}\n");
}

/*
 * The drain time is over: a request that has begun may be carried out, one that has not is not.
 * "shutting_down" means that nothing was done, so that clients ask another server.
 */
static void test_drain_limit(void **state)
{
    (void)state;
    pipeline.options.drain_timeout_ms = 100;
    (void)pthread_mutex_lock(&held);
    int begun = send_lines("{\"command\":\"stop\",\"id\":1}\n");
    int waiting = send_lines("{\"command\":\"stop\",\"id\":2}\n");
    assert_int_equal(vsa_lifecycle_run(&lifecycle, &listener, NULL), VSA_ERR_TIMEOUT);
    (void)pthread_mutex_unlock(&held);
    assert_non_null(strstr(receive_all(begun), "\"error_code\":\"timeout\",\"id\":1}\n"));
    assert_non_null(strstr(receive_all(waiting), "\"error_code\":\"shutting_down\""));
    assert_int_equal(pipeline.events[VSA_EVENT_STOPPED], 1);
}

/* It accepts although nothing is known of the NSM, but not at once. */
static void test_silent_nsm(void **state)
{
    (void)state;
    int64_t before_ms = vsa_monotonic_ms();
    pipeline.health.known = false;
    pipeline.health.probing = true; /* its answer never comes */
    int peer = send_lines("{\"command\":\"stop\"}\n");
    assert_int_equal(vsa_lifecycle_run(&lifecycle, &listener, NULL), VSA_OK);
    assert_in_range(vsa_monotonic_ms() - before_ms, 400, PATIENCE_MS);
    assert_string_equal(receive_all(peer), "{\"success\":true}\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stop_before_run),
        TEST(test_drain),
        TEST(test_drain_limit),
        TEST(test_silent_nsm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
