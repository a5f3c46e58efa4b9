/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that are ordered, taken, cancelled and left over, under a tool for races too. */
#include "unit_test.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/connector.h"

#define PATIENCE_MS 20000

static char directory[32];
static struct vsa_listener listener;
static struct vsa_connector connector;
static sem_t done;

static void on_done(void *user)
{
    (void)sem_post(user);
}

static int set_up(void **state)
{
    (void)state;
    struct vsa_address address = {.kind = VSA_ADDRESS_UNIX};
    strcpy(directory, "/tmp/vsa-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(address.path, sizeof(address.path), "%s/s", directory);
    (void)sem_init(&done, 0, 0);
    connector = (struct vsa_connector){
        .address = address, .timeout_ms = PATIENCE_MS, .done = on_done, .user = &done};
    return vsa_listen(&address, &listener, NULL) == VSA_OK &&
                   vsa_connector_start(&connector, NULL) == VSA_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    vsa_connector_stop(&connector);
    vsa_listener_close(&listener);
    (void)sem_destroy(&done);
    return rmdir(directory);
}

static void test_order_and_take(void **state)
{
    (void)state;
    int users[3];
    for (int i = 0; i < 3; i++)
        assert_non_null(vsa_connector_order(&connector, &users[i]));
    for (int i = 0; i < 3; i++)
        assert_int_equal(sem_wait(&done), 0);
    for (int i = 0; i < 3; i++) {
        struct vsa_connecting *order = vsa_connector_take(&connector);
        assert_non_null(order);
        assert_ptr_equal(order->user, &users[i]);
        assert_true(order->fd >= 0);
        (void)close(order->fd);
        free(order);
    }
    assert_null(vsa_connector_take(&connector));
}

static void test_failure(void **state)
{
    (void)state;
    int user;
    vsa_listener_close(&listener);
    assert_non_null(vsa_connector_order(&connector, &user));
    assert_int_equal(sem_wait(&done), 0);
    struct vsa_connecting *order = vsa_connector_take(&connector);
    assert_non_null(order);
    assert_int_equal(order->fd, -1);
    assert_int_equal(order->error.status, VSA_ERR_REFUSED);
    free(order);
}

/* Whatever the thread was doing with it, a cancelled order is not returned. */
static void test_cancel(void **state)
{
    (void)state;
    int user;
    for (int i = 0; i < 200; i++) {
        struct vsa_connecting *order = vsa_connector_order(&connector, &user);
        assert_non_null(order);
        if (i % 3 == 1)
            (void)usleep(50);
        if (i % 3 == 2)
            assert_int_equal(sem_wait(&done), 0);
        vsa_connector_cancel(&connector, order);
        assert_null(vsa_connector_take(&connector));
    }
}

static void test_left_over(void **state)
{
    (void)state;
    int user;
    for (int i = 0; i < 20; i++)
        assert_non_null(vsa_connector_order(&connector, &user));
    vsa_connector_stop(&connector);
    vsa_connector_stop(&connector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_and_take, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_left_over, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
