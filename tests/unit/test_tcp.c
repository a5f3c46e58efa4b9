/* SPDX-License-Identifier: Apache-2.0 */
/* TCP on the loopback, and names as a resolver of the test's answers for them. */
#include "unit_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/listen_tcp.h"

#define PATIENCE_MS 20000

/* --- a resolver ------------------------------------------------------------------------------- */

static sem_t may_answer; /* about "slow.test" */
static sem_t answered;

/* Addresses of "two.test": the first refuses, the second listens. */
static const char *const two[] = {"127.0.0.2", "127.0.0.1"};

static struct addrinfo *entry_of(const char *host, const char *service)
{
    struct addrinfo *entry = calloc(1, sizeof(*entry));
    struct sockaddr_in *name = calloc(1, sizeof(*name));
    assert_non_null(entry);
    assert_non_null(name);
    name->sin_family = AF_INET;
    name->sin_port = htons((uint16_t)strtoul(service, NULL, 10));
    assert_int_equal(inet_pton(AF_INET, host, &name->sin_addr), 1);
    entry->ai_family = AF_INET;
    entry->ai_addr = (struct sockaddr *)name;
    entry->ai_addrlen = sizeof(*name);
    return entry;
}

/* In front of libc's. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    static const struct {
        const char *host;
        int result;
    } failures[] = {
        {"none.test", EAI_NONAME}, {"later.test", EAI_AGAIN}, {"memory.test", EAI_MEMORY}};
    struct in6_addr ignored;
    bool numeric = inet_pton(AF_INET, host, &ignored) == 1;
    assert_int_equal(hints->ai_socktype, SOCK_STREAM);
    if (hints->ai_flags & AI_NUMERICHOST && !numeric)
        return EAI_NONAME;
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
        if (strcmp(host, failures[i].host) == 0)
            return failures[i].result;
    bool slow = strcmp(host, "slow.test") == 0;
    if (slow)
        (void)sem_wait(&may_answer);
    *found = entry_of(numeric ? host : two[0], service);
    if (!numeric)
        (*found)->ai_next = entry_of(two[1], service);
    if (slow)
        (void)sem_post(&answered);
    return 0;
}

void freeaddrinfo(struct addrinfo *found)
{
    while (found) {
        struct addrinfo *next = found->ai_next;
        free(found->ai_addr);
        free(found);
        found = next;
    }
}

/* --- connecting ------------------------------------------------------------------------------- */

static struct vsa_address address_of(const char *host, uint32_t port)
{
    struct vsa_address address = {.kind = VSA_ADDRESS_TCP, .port = port};
    (void)snprintf(address.path, sizeof(address.path), "%s", host);
    return address;
}

/* A port that nothing listens on now. */
static uint32_t free_port(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    (void)close(fd);
    return ntohs(name.sin_port);
}

static struct vsa_listener listen_on_loopback(void)
{
    struct vsa_listener listener;
    struct vsa_error error = {0};
    struct vsa_address address = address_of("127.0.0.1", free_port());
    if (vsa_listen(&address, &listener, &error) != VSA_OK)
        fail_msg("%s", error.detail);
    return listener;
}

static void assert_connects(const char *host, struct vsa_listener *listener)
{
    struct vsa_address address = address_of(host, listener->address.port);
    struct vsa_error error = {0};
    int fd = -1;
    int on = 0;
    socklen_t size = sizeof(on);
    if (vsa_connect(&address, vsa_deadline(PATIENCE_MS), &fd, &error) != VSA_OK)
        fail_msg("%s: %s", host, error.detail);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    assert_int_equal(on, 1);
    int accepted = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(accepted >= 0);
    assert_int_equal(getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    assert_int_equal(on, 1);
    (void)close(accepted);
    (void)close(fd);
}

static void assert_fails(const char *host, uint32_t port, int64_t timeout_ms,
                         enum vsa_status status, const char *words)
{
    struct vsa_address address = address_of(host, port);
    struct vsa_error error = {0};
    int fd = -7;
    enum vsa_status got = vsa_connect(&address, vsa_deadline(timeout_ms), &fd, &error);
    if (got != status)
        fail_msg("%s instead of %s: %s", vsa_status_code(got), vsa_status_code(status),
                 error.detail);
    if (!strstr(error.detail, words))
        fail_msg("\"%s\" does not say \"%s\"", error.detail, words);
    assert_int_equal(fd, -7);
}

static void test_connect(void **state)
{
    (void)state;
    struct vsa_listener listener = listen_on_loopback();
    assert_connects("127.0.0.1", &listener);
    vsa_listener_close(&listener);
    assert_int_equal(listener.fd, -1);
    assert_fails("127.0.0.1", listener.address.port, PATIENCE_MS, VSA_ERR_REFUSED,
                 "connection refused: no server listens on tcp:127.0.0.1:");
}

/* The first address of the name refuses, the second one is used. */
static void test_second_address(void **state)
{
    (void)state;
    struct vsa_listener listener = listen_on_loopback();
    assert_connects("two.test", &listener);
    vsa_listener_close(&listener);
    assert_fails("two.test", listener.address.port, PATIENCE_MS, VSA_ERR_REFUSED, "tcp:two.test:");
}

/* A listener that does not accept, with its backlog full: Linux drops the next SYN. */
static void test_timeout(void **state)
{
    (void)state;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    int pending[4];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    for (size_t i = 0; i < 4; i++) {
        pending[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(pending[i], (struct sockaddr *)&name, sizeof(name));
    }
    int64_t begin = vsa_monotonic_ms();
    assert_fails("127.0.0.1", ntohs(name.sin_port), 100, VSA_ERR_TIMEOUT, "no answer from tcp:");
    assert_true(vsa_monotonic_ms() - begin >= 100);
    for (size_t i = 0; i < 4; i++)
        (void)close(pending[i]);
    (void)close(fd);
}

/* --- names ------------------------------------------------------------------------------------ */

static void test_names(void **state)
{
    (void)state;
    assert_fails("none.test", 1, PATIENCE_MS, VSA_ERR_IO, "no address of host \"none.test\"");
    assert_fails("later.test", 1, PATIENCE_MS, VSA_ERR_IO, "no address of host \"later.test\"");
    assert_fails("memory.test", 1, PATIENCE_MS, VSA_ERR_MEMORY, "");
}

/* The lookup outlives its caller, and frees what it finds. */
static void test_slow_name(void **state)
{
    (void)state;
    int64_t begin = vsa_monotonic_ms();
    assert_fails("slow.test", 1, 100, VSA_ERR_TIMEOUT, "no answer from the name service");
    assert_true(vsa_monotonic_ms() - begin >= 100);
    (void)sem_post(&may_answer);
    assert_int_equal(sem_wait(&answered), 0);
    (void)sem_post(&may_answer);
    assert_fails("slow.test", free_port(), PATIENCE_MS, VSA_ERR_REFUSED, "tcp:slow.test:");
}

/* --- listening -------------------------------------------------------------------------------- */

static void assert_not_listened(const char *host, bool anywhere, enum vsa_status status,
                                const char *words)
{
    struct vsa_address address = address_of(host, free_port());
    struct vsa_listener listener = {.fd = -7};
    struct vsa_error error = {0};
    assert_int_equal(anywhere ? vsa_listen_tcp(&address, true, &listener, &error)
                              : vsa_listen(&address, &listener, &error),
                     status);
    if (!strstr(error.detail, words))
        fail_msg("\"%s\" does not say \"%s\"", error.detail, words);
    assert_int_equal(listener.fd, -7);
}

static void test_listen_only_on_loopback(void **state)
{
    (void)state;
    assert_not_listened("0.0.0.0", false, VSA_ERR_ARGUMENT, "can be reached from other machines");
    assert_not_listened("::", false, VSA_ERR_ARGUMENT, "can be reached from other machines");
    assert_not_listened("192.0.2.1", false, VSA_ERR_ARGUMENT, "can be reached from other");
    assert_not_listened("::ffff:127.0.0.1", false, VSA_ERR_ARGUMENT, "can be reached from other");
    assert_not_listened("localhost", false, VSA_ERR_ARGUMENT, "takes a numeric address");
    assert_not_listened("localhost", true, VSA_ERR_ARGUMENT, "takes a numeric address");
    assert_not_listened("192.0.2.1", true, VSA_ERR_IO, "does not have that address");
}

static void test_listen_in_use(void **state)
{
    (void)state;
    struct vsa_listener listener = listen_on_loopback();
    struct vsa_listener second = {.fd = -7};
    struct vsa_error error = {0};
    assert_int_equal(vsa_listen(&listener.address, &second, &error), VSA_ERR_ADDRESS_IN_USE);
    assert_int_equal(second.fd, -7);
    vsa_listener_close(&listener);
    /* At once again, though connections of the first one may still be known to the kernel. */
    assert_int_equal(vsa_listen(&listener.address, &second, &error), VSA_OK);
    vsa_listener_close(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect),       cmocka_unit_test(test_second_address),
        cmocka_unit_test(test_timeout),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_slow_name),     cmocka_unit_test(test_listen_only_on_loopback),
        cmocka_unit_test(test_listen_in_use),
    };
    (void)sem_init(&may_answer, 0, 0);
    (void)sem_init(&answered, 0, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
