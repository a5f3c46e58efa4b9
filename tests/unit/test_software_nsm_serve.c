/* SPDX-License-Identifier: Apache-2.0 */
/* The service in a thread of its own, its clients through vsa_nsm_open(): both ends of the wire. */
#include "software_nsm/serve.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "software_nsm_fixture.h"
#include "unit_test.h"
#include <vsattest/attestation.h>
#include <vsattest/nsm.h>

#define PATIENT_MS 20000

struct context {
    char directory[32];
    char address[64];
    struct vsa_listener listener;
    struct vsa_software_nsm *nsm;
    struct vsa_verifier *verifier;
    int stop[2];
    pthread_t thread;
    enum vsa_status result;
};

static atomic_int reports;
static enum vsa_status last_report;

static void report(const struct vsa_error *failure)
{
    last_report = failure->status;
    atomic_fetch_add(&reports, 1);
}

static int64_t now_ms(void)
{
    return FIXTURE_NOW_MS;
}

static void *serve(void *argument)
{
    struct context *context = argument;
    struct vsa_software_service service = {
        .nsm = context->nsm,
        .listener = context->listener.fd,
        .stop = context->stop[0],
        .now_ms = now_ms,
        .report = report,
    };
    context->result = vsa_software_nsm_serve(&service, NULL);
    return NULL;
}

static int setup(void **state)
{
    static struct context context;
    uint8_t root[VSA_MAX_CERTIFICATE];
    size_t root_size = 0;
    memset(&context, 0, sizeof(context));
    atomic_store(&reports, 0);
    (void)snprintf(context.directory, sizeof(context.directory), "/tmp/vsa-serve-XXXXXX");
    assert_non_null(mkdtemp(context.directory));
    (void)snprintf(context.address, sizeof(context.address), "unix:%s/nsm", context.directory);
    context.nsm = fixture_software_nsm(root, &root_size);
    context.verifier = vsa_verifier_new();
    assert_int_equal(vsa_verifier_add_root(context.verifier, vsa_slice_of(root, root_size), NULL),
                     VSA_OK);
    assert_int_equal(vsa_software_nsm_listen(context.address, &context.listener, NULL), VSA_OK);
    assert_int_equal(pipe2(context.stop, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&context.thread, NULL, serve, &context), 0);
    *state = &context;
    return 0;
}

static int teardown(void **state)
{
    struct context *context = *state;
    (void)close(context->stop[1]); /* hung up: time to stop */
    assert_int_equal(pthread_join(context->thread, NULL), 0);
    assert_int_equal(context->result, VSA_OK);
    (void)close(context->stop[0]);
    vsa_listener_close(&context->listener);
    vsa_software_nsm_free(context->nsm);
    vsa_verifier_free(context->verifier);
    assert_int_equal(rmdir(context->directory), 0); /* the socket file is gone */
    return 0;
}

static struct vsa_nsm *open_client(const struct context *context)
{
    struct vsa_nsm *client = NULL;
    assert_int_equal(vsa_nsm_open(context->address, PATIENT_MS, &client, NULL), VSA_OK);
    return client;
}

/* A connection on which the test can misbehave. */
static int connect_raw(const struct context *context)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s/nsm", context->directory);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&name, sizeof(name)), 0);
    return fd;
}

static bool hangs_up(int fd)
{
    char byte;
    struct pollfd polled = {fd, POLLIN, 0};
    return poll(&polled, 1, PATIENT_MS) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

static void test_seven_requests(void **state)
{
    struct context *context = *state;
    struct vsa_nsm *client = open_client(context);
    struct vsa_nsm_description description;
    struct vsa_nsm_pcr pcr;
    struct vsa_slice bytes;
    struct vsa_slice hello = vsa_slice_of_text("hello");
    uint8_t value[VSA_PCR_SIZE];
    assert_int_equal(vsa_nsm_describe(client, &description, NULL), VSA_OK);
    assert_string_equal(description.module_id, FIXTURE_MODULE_ID);
    assert_int_equal(vsa_nsm_extend_pcr(client, 16, hello, value, NULL), VSA_OK);
    assert_int_equal(vsa_nsm_lock_pcr(client, 16, NULL), VSA_OK);
    assert_int_equal(vsa_nsm_lock_pcrs(client, 18, NULL), VSA_OK);
    assert_int_equal(vsa_nsm_describe_pcr(client, 16, &pcr, NULL), VSA_OK);
    assert_true(pcr.locked);
    assert_memory_equal(pcr.value, value, sizeof(value));
    assert_int_equal(vsa_nsm_random(client, &bytes, NULL), VSA_OK);
    assert_int_equal(bytes.size, VSA_NSM_MAX_RANDOM);
    assert_int_equal(vsa_nsm_extend_pcr(client, 16, hello, value, NULL), VSA_ERR_NSM);
    assert_int_equal(vsa_nsm_last_code(client), VSA_NSM_READ_ONLY_INDEX);
    assert_int_equal(vsa_nsm_describe_pcr(client, 32, &pcr, NULL), VSA_ERR_NSM);
    assert_int_equal(vsa_nsm_last_code(client), VSA_NSM_INVALID_INDEX);
    vsa_nsm_free(client);
}

static void test_document_over_the_wire(void **state)
{
    struct context *context = *state;
    struct vsa_nsm *client = open_client(context);
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_slice document;
    vsa_policy_init(&policy);
    policy.nonce = vsa_slice_of_text("nonce");
    assert_int_equal(vsa_nsm_attest(client, vsa_slice_of(NULL, 0), policy.nonce,
                                    vsa_slice_of(NULL, 0), &document, NULL),
                     VSA_OK);
    assert_int_equal(
        vsa_verify(context->verifier, document, &policy, FIXTURE_NOW_MS, &claims, NULL), VSA_OK);
    assert_true(claims.nonce_checked);
    vsa_nsm_free(client);
}

static void test_many_clients(void **state)
{
    struct context *context = *state;
    struct vsa_nsm *clients[VSA_SOFTWARE_NSM_MAX_CLIENTS];
    struct vsa_nsm_description description;
    for (size_t i = 0; i < VSA_SOFTWARE_NSM_MAX_CLIENTS; i++) {
        clients[i] = open_client(context);
        assert_int_equal(vsa_nsm_describe(clients[i], &description, NULL), VSA_OK);
    }
    /* One too many is hung up on; the others go on. */
    int extra = connect_raw(context);
    assert_true(hangs_up(extra));
    assert_int_equal(atomic_load(&reports), 1);
    assert_int_equal(last_report, VSA_ERR_CONNECTIONS);
    (void)close(extra);
    for (size_t i = 0; i < VSA_SOFTWARE_NSM_MAX_CLIENTS; i++) {
        assert_int_equal(vsa_nsm_describe(clients[i], &description, NULL), VSA_OK);
        vsa_nsm_free(clients[i]);
    }
    struct vsa_nsm *again = open_client(context);
    assert_int_equal(vsa_nsm_describe(again, &description, NULL), VSA_OK);
    vsa_nsm_free(again);
}

/* Requests without end, not one response read: dropped, and no other peer notices. */
static void test_client_that_does_not_read(void **state)
{
    struct context *context = *state;
    struct vsa_nsm_description description;
    struct vsa_slice request = from_hex("69 47657452616e646f6d");
    struct vsa_nsm *good = open_client(context);
    int bad = connect_raw(context);
    size_t sent = 0;
    while (sent < 100000 && send(bad, request.data, request.size, MSG_NOSIGNAL) > 0)
        sent++;
    assert_in_range(sent, 1, 99999);
    assert_int_equal(vsa_nsm_describe(good, &description, NULL), VSA_OK);
    assert_int_equal(atomic_load(&reports), 1);
    assert_int_equal(last_report, VSA_ERR_IO);
    (void)close(bad);
    vsa_nsm_free(good);
}

static void test_garbage_gets_an_answer(void **state)
{
    static const uint8_t large[VSA_NSM_MAX_REQUEST + 500];
    struct context *context = *state;
    struct vsa_slice expected = from_hex("a1 65 4572726f72 6d 496e707574546f6f4c61726765");
    uint8_t buffer[64];
    int fd = connect_raw(context);
    assert_int_equal(send(fd, large, sizeof(large), MSG_NOSIGNAL), sizeof(large));
    assert_int_equal(recv(fd, buffer, sizeof(buffer), 0), expected.size);
    assert_memory_equal(buffer, expected.data, expected.size);
    assert_int_equal(send(fd, "?", 1, MSG_NOSIGNAL), 1);
    assert_true(recv(fd, buffer, sizeof(buffer), 0) > 0);
    (void)close(fd);
}

/* --- the socket file ------------------------------------------------------------------------- */

static void test_live_socket_is_kept(void **state)
{
    struct context *context = *state;
    struct vsa_listener second;
    struct vsa_error error = {0};
    assert_int_equal(vsa_software_nsm_listen(context->address, &second, &error),
                     VSA_ERR_ADDRESS_IN_USE);
    vsa_nsm_free(open_client(context));
}

static void test_left_over_socket_is_replaced(void **state)
{
    struct context *context = *state;
    struct vsa_listener listener;
    char address[80];
    (void)snprintf(address, sizeof(address), "%s.other", context->address);
    assert_int_equal(vsa_software_nsm_listen(address, &listener, NULL), VSA_OK);
    (void)close(listener.fd); /* as a killed process does: the file stays */
    assert_int_equal(vsa_software_nsm_listen(address, &listener, NULL), VSA_OK);
    vsa_listener_close(&listener);
    assert_int_equal(access(listener.address.path, F_OK), -1);
    vsa_listener_close(&listener); /* twice is fine */

    /* Killed a moment earlier: under the name it had before it could be connected to. */
    char early[90];
    struct vsa_listener killed;
    (void)snprintf(early, sizeof(early), "%s.new", address);
    assert_int_equal(vsa_software_nsm_listen(early, &killed, NULL), VSA_OK);
    (void)close(killed.fd);
    assert_int_equal(vsa_software_nsm_listen(address, &listener, NULL), VSA_OK);
    assert_int_equal(access(killed.address.path, F_OK), -1);
    vsa_listener_close(&listener);
}

static void test_other_files_are_kept(void **state)
{
    struct context *context = *state;
    struct vsa_listener listener;
    char address[80];
    (void)snprintf(address, sizeof(address), "%s.file", context->address);
    FILE *file = fopen(address + 5, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(vsa_software_nsm_listen(address, &listener, NULL), VSA_ERR_ADDRESS_IN_USE);
    assert_int_equal(unlink(address + 5), 0);
    /* Nor is one removed that took our socket's place. */
    assert_int_equal(vsa_software_nsm_listen(address, &listener, NULL), VSA_OK);
    assert_int_equal(unlink(address + 5), 0);
    file = fopen(address + 5, "w");
    assert_non_null(file);
    (void)fclose(file);
    vsa_listener_close(&listener);
    assert_int_equal(unlink(address + 5), 0);
}

static int connect_to(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    int connected = connect(fd, (const struct sockaddr *)&name, sizeof(name));
    (void)close(fd);
    return connected;
}

/* Another process's, under the name that ours has before it can be connected to. */
static void test_live_socket_aside_is_kept(void **state)
{
    struct context *context = *state;
    struct vsa_listener other;
    struct vsa_listener listener;
    char address[80];
    char aside[90];
    (void)snprintf(address, sizeof(address), "%s.other", context->address);
    (void)snprintf(aside, sizeof(aside), "%s.new", address);
    assert_int_equal(vsa_software_nsm_listen(aside, &other, NULL), VSA_OK);
    assert_int_equal(vsa_software_nsm_listen(address, &listener, NULL), VSA_OK);
    assert_int_equal(connect_to(address + 5), 0);
    assert_int_equal(connect_to(aside + 5), 0);
    vsa_listener_close(&listener);
    vsa_listener_close(&other);
}

static void test_addresses(void **state)
{
    (void)state;
    struct vsa_listener listener;
    char address[5 + VSA_MAX_SOCKET_PATH + 1] = "unix:";
    assert_int_equal(vsa_software_nsm_listen("", &listener, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_software_nsm_listen("unix:", &listener, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_software_nsm_listen("/tmp/nsm", &listener, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_software_nsm_listen("vsock-mux:/tmp/nsm:1", &listener, NULL),
                     VSA_ERR_ARGUMENT);
    memset(address + 5, 'x', VSA_MAX_SOCKET_PATH);
    address[5 + VSA_MAX_SOCKET_PATH] = '\0';
    assert_int_equal(vsa_software_nsm_listen(address, &listener, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_software_nsm_listen("unix:/no/such/directory/nsm", &listener, NULL),
                     VSA_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_seven_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_document_over_the_wire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_does_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage_gets_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_live_socket_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_left_over_socket_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_files_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_live_socket_aside_is_kept, setup, teardown),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
