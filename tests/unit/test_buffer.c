/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "server/buffer.h"

static char text[8192];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 26);
    return 0;
}

static void test_append_and_consume(void **state)
{
    (void)state;
    struct vsa_buffer buffer = {0};
    struct vsa_buffer_budget budget = {.limit = 1 << 20};
    assert_true(vsa_buffer_append(&buffer, &budget, text, 0));
    assert_null(buffer.data);
    assert_true(vsa_buffer_append(&buffer, &budget, text, 300));
    assert_true(vsa_buffer_append(&buffer, &budget, text + 300, 3000));
    assert_int_equal(buffer.size, 3300);
    assert_memory_equal(buffer.data, text, 3300);
    assert_int_equal(budget.used, buffer.capacity);
    vsa_buffer_consume(&buffer, &budget, 26);
    assert_memory_equal(buffer.data, text + 26, 3274);
    /* Little left: most of the memory goes back. */
    vsa_buffer_consume(&buffer, &budget, 3200);
    assert_int_equal(buffer.size, 74);
    assert_int_equal(buffer.capacity, 512);
    assert_int_equal(budget.used, 512);
    assert_memory_equal(buffer.data, text + 3226, 74);
    vsa_buffer_consume(&buffer, &budget, 74);
    assert_null(buffer.data);
    assert_int_equal(budget.used, 0);
}

static void test_budget(void **state)
{
    (void)state;
    struct vsa_buffer one = {0};
    struct vsa_buffer two = {0};
    struct vsa_buffer_budget budget = {.limit = 2048};
    assert_true(vsa_buffer_append(&one, &budget, text, 1000));
    assert_true(vsa_buffer_append(&two, &budget, text, 1024));
    assert_int_equal(budget.used, 2048);
    /* Room in what it has costs nothing. */
    assert_true(vsa_buffer_append(&one, &budget, text + 1000, 24));
    assert_false(vsa_buffer_append(&one, &budget, text, 1));
    assert_int_equal(one.size, 1024);
    assert_memory_equal(one.data, text, 1024);
    vsa_buffer_consume(&two, &budget, 1024);
    assert_true(vsa_buffer_append(&one, &budget, text, 1));
    vsa_buffer_consume(&one, &budget, one.size);
    assert_int_equal(budget.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_append_and_consume, set_up),
        cmocka_unit_test_setup(test_budget, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
