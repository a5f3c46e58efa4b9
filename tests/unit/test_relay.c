/* SPDX-License-Identifier: Apache-2.0 */
/* A relay in a thread, between a client and an enclave that are this test. */
#include "unit_test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "relay/relay.h"

#define PATIENCE_MS 20000

static char directory[32];
static struct vsa_listener enclave;
static struct vsa_address front;
static struct vsa_relay *relay;
static pthread_t thread;
static sem_t events[3];
static enum vsa_status ended_with;

static void on_event(void *user, enum vsa_relay_event event, const struct vsa_error *why)
{
    (void)user;
    (void)why;
    (void)sem_post(&events[event]);
}

static void *run_relay(void *argument)
{
    (void)argument;
    ended_with = vsa_relay_run(relay, NULL);
    return NULL;
}

static int set_up(void **state)
{
    struct vsa_relay_options options = {
        .enclave = {.kind = VSA_ADDRESS_UNIX},
        .max_connections = 2,
        .max_buffered = 1 << 20,
        .idle_timeout_ms = PATIENCE_MS,
        .timeout_ms = PATIENCE_MS,
        .drain_timeout_ms = PATIENCE_MS,
        .on_event = on_event,
    };
    struct vsa_listener listener;
    (void)state;
    strcpy(directory, "/tmp/vsa-XXXXXX");
    assert_non_null(mkdtemp(directory));
    front.kind = VSA_ADDRESS_UNIX;
    (void)snprintf(front.path, sizeof(front.path), "%s/front", directory);
    (void)snprintf(options.enclave.path, sizeof(options.enclave.path), "%s/enclave", directory);
    for (size_t i = 0; i < 3; i++)
        (void)sem_init(&events[i], 0, 0);
    assert_int_equal(vsa_listen(&options.enclave, &enclave, NULL), VSA_OK);
    assert_int_equal(vsa_listen(&front, &listener, NULL), VSA_OK);
    assert_int_equal(vsa_relay_new(&options, &listener, &relay, NULL), VSA_OK);
    return pthread_create(&thread, NULL, run_relay, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    vsa_relay_stop(relay);
    (void)pthread_join(thread, NULL);
    assert_int_equal(ended_with, VSA_OK);
    vsa_relay_free(relay);
    vsa_listener_close(&enclave);
    return rmdir(directory);
}

/* Makes a socket wait, for a limited time. */
static int with_limit(int fd)
{
    const struct timeval limit = {.tv_sec = PATIENCE_MS / 1000};
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    return fd;
}

static int connect_client(void)
{
    int fd = -1;
    assert_int_equal(vsa_connect(&front, vsa_deadline(PATIENCE_MS), &fd, NULL), VSA_OK);
    return with_limit(fd);
}

static int accept_relay(void)
{
    struct pollfd listener = {.fd = enclave.fd, .events = POLLIN};
    assert_int_equal(poll(&listener, 1, PATIENCE_MS), 1);
    return with_limit(accept(enclave.fd, NULL, NULL));
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads a line, with its newline; "" at the end of the stream. */
static const char *receive(int fd)
{
    static char line[4096];
    size_t size = 0;
    while (size + 1 < sizeof(line) && (size == 0 || line[size - 1] != '\n') &&
           recv(fd, line + size, 1, 0) == 1)
        size++;
    line[size] = '\0';
    return line;
}

static void lines_go_both_ways(void **state)
{
    int client = connect_client();
    (void)state;
    send_text(client, "not JSON\n");
    int peer = accept_relay();
    assert_string_equal(receive(peer), "not JSON\n");
    send_text(peer, "nor this\n");
    assert_string_equal(receive(client), "nor this\n");
    /* The second line waits for the reply to the first. */
    send_text(client, "one\ntwo\n");
    assert_string_equal(receive(peer), "one\n");
    send_text(peer, "1\n");
    assert_string_equal(receive(peer), "two\n");
    send_text(peer, "2\n");
    assert_string_equal(receive(client), "1\n");
    assert_string_equal(receive(client), "2\n");
    (void)close(client);
    assert_string_equal(receive(peer), "");
    (void)close(peer);
}

static void an_enclave_that_hangs_up(void **state)
{
    int client = connect_client();
    (void)state;
    send_text(client, "one\n");
    int peer = accept_relay();
    assert_string_equal(receive(peer), "one\n");
    (void)close(peer);
    assert_string_equal(receive(client), "");
    (void)close(client);
}

/* What comes unasked is for no client; the next line goes over a new connection. */
static void unasked_lines(void **state)
{
    int client = connect_client();
    (void)state;
    send_text(client, "one\n");
    int peer = accept_relay();
    assert_string_equal(receive(peer), "one\n");
    send_text(peer, "1\nunasked\n");
    assert_string_equal(receive(client), "1\n");
    assert_string_equal(receive(peer), "");
    (void)close(peer);
    send_text(client, "two\n");
    peer = accept_relay();
    assert_string_equal(receive(peer), "two\n");
    send_text(peer, "2\n");
    assert_string_equal(receive(client), "2\n");
    (void)close(peer);
    (void)close(client);
}

static void no_enclave(void **state)
{
    int client = connect_client();
    (void)state;
    vsa_listener_close(&enclave);
    send_text(client, "one\n");
    assert_non_null(strstr(receive(client), "\"error_code\":\"backend_unavailable\""));
    assert_int_equal(sem_wait(&events[VSA_RELAY_UNREACHABLE]), 0);
    /* The client stays, and the event comes once. */
    send_text(client, "two\n");
    assert_non_null(strstr(receive(client), "\"error_code\":\"backend_unavailable\""));
    assert_int_not_equal(sem_trywait(&events[VSA_RELAY_UNREACHABLE]), 0);
    (void)close(client);
}

/* A line in flight gets its reply; no client is accepted any more. */
static void stops_when_lines_are_answered(void **state)
{
    int client = connect_client();
    int fd = -1;
    (void)state;
    send_text(client, "one\n");
    int peer = accept_relay();
    assert_string_equal(receive(peer), "one\n");
    vsa_relay_stop(relay);
    while (vsa_connect(&front, vsa_deadline(PATIENCE_MS), &fd, NULL) == VSA_OK)
        (void)close(fd);
    send_text(peer, "1\n");
    assert_string_equal(receive(client), "1\n");
    assert_string_equal(receive(client), "");
    (void)close(peer);
    (void)close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_go_both_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_enclave_that_hangs_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unasked_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_enclave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_when_lines_are_answered, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
