/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wait.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit_test.h"

#define PATIENT_MS 20000

static int pair[2];

static int set_up(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(pair[0]);
    return pair[1] < 0 ? 0 : close(pair[1]);
}

static void test_ready(void **state)
{
    (void)state;
    assert_int_equal(vsa_wait_for(pair[0], POLLOUT, vsa_deadline(PATIENT_MS), "it", NULL), VSA_OK);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(vsa_wait_for(pair[0], POLLIN, vsa_deadline(PATIENT_MS), "it", NULL), VSA_OK);
}

/* What is wrong is for the next call on the descriptor to say. */
static void test_hung_up(void **state)
{
    (void)state;
    (void)close(pair[1]);
    pair[1] = -1;
    assert_int_equal(vsa_wait_for(pair[0], POLLIN, vsa_deadline(PATIENT_MS), "it", NULL), VSA_OK);
}

static void test_timeout(void **state)
{
    (void)state;
    struct vsa_error error = {0};
    int64_t deadline_ms = vsa_deadline(30);
    assert_int_equal(vsa_wait_for(pair[0], POLLIN, deadline_ms, "a reply", &error),
                     VSA_ERR_TIMEOUT);
    assert_true(vsa_monotonic_ms() >= deadline_ms);
    assert_string_equal(error.detail, "timed out while waiting for a reply");
    /* Past ones end at once, ready or not. */
    assert_int_equal(vsa_wait_for(pair[0], POLLOUT, deadline_ms, "it", NULL), VSA_ERR_TIMEOUT);
}

static atomic_int signals;

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
}

static void *interrupt(void *waiter)
{
    while (atomic_load(&signals) < 3) {
        (void)pthread_kill(*(pthread_t *)waiter, SIGUSR1);
        (void)poll(NULL, 0, 1);
    }
    (void)!write(pair[1], "x", 1);
    return NULL;
}

/* A signal neither ends the waiting nor begins it anew. */
static void test_signals(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = count_signal};
    pthread_t self = pthread_self();
    pthread_t thread;
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, interrupt, &self), 0);
    enum vsa_status status = vsa_wait_for(pair[0], POLLIN, vsa_deadline(PATIENT_MS), "it", NULL);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(status, VSA_OK);
    assert_true(atomic_load(&signals) >= 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ready),
        TEST(test_hung_up),
        TEST(test_timeout),
        TEST(test_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
