/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "worker/queue.h"

static struct vsa_queue queue;
static struct vsa_queue_entry entries[4];

static int set_up(void **state)
{
    (void)state;
    memset(&queue, 0, sizeof(queue));
    memset(entries, 0, sizeof(entries));
    return 0;
}

static void assert_pops(const char *expected)
{
    for (; *expected; expected++)
        assert_ptr_equal(vsa_queue_pop(&queue), &entries[*expected - 'a']);
    assert_null(vsa_queue_pop(&queue));
    assert_int_equal(queue.count, 0);
}

static void test_order(void **state)
{
    (void)state;
    vsa_queue_push(&queue, &entries[0]);
    vsa_queue_push(&queue, &entries[1]);
    vsa_queue_push_first(&queue, &entries[2]);
    assert_int_equal(queue.count, 3);
    assert_pops("cab");
    vsa_queue_push_first(&queue, &entries[3]);
    vsa_queue_push(&queue, &entries[0]);
    assert_pops("da");
}

static void test_remove(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        vsa_queue_push(&queue, &entries[i]);
    assert_true(vsa_queue_remove(&queue, &entries[3]));
    assert_true(vsa_queue_remove(&queue, &entries[0]));
    assert_false(vsa_queue_remove(&queue, &entries[0]));
    vsa_queue_push(&queue, &entries[0]);
    assert_true(vsa_queue_remove(&queue, &entries[2]));
    assert_pops("ba");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, set_up),
        cmocka_unit_test_setup(test_remove, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
