/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "stream/buffer.h"

static struct vsa_buffer buffer;

static int set_up(void **state)
{
    (void)state;
    memset(&buffer, 0, sizeof(buffer));
    return 0;
}

static void assert_holds(const char *text)
{
    assert_int_equal(buffer.size, strlen(text));
    assert_memory_equal(buffer.data, text, buffer.size);
}

static void test_add_and_drop(void **state)
{
    (void)state;
    assert_true(vsa_buffer_add(&buffer, "", 0));
    assert_null(buffer.data);
    assert_true(vsa_buffer_add(&buffer, "abc", 3));
    assert_true(vsa_buffer_add(&buffer, "def", 3));
    assert_holds("abcdef");
    vsa_buffer_drop(&buffer, 2);
    assert_holds("cdef");
    vsa_buffer_drop(&buffer, 0);
    assert_holds("cdef");
    vsa_buffer_drop(&buffer, 4);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
    vsa_buffer_drop(&buffer, 0);
}

/* Memory is what is needed, not twice that; and small pieces are not copied each time. */
static void test_capacity(void **state)
{
    (void)state;
    char bytes[6000] = {0};
    int copies = 0;
    assert_int_equal(vsa_buffer_capacity_for(&buffer, 6000), 6000);
    assert_true(vsa_buffer_add(&buffer, bytes, 6000));
    assert_int_equal(buffer.capacity, 6000);
    for (int i = 0; i < 6000; i++) {
        size_t before = buffer.capacity;
        assert_true(vsa_buffer_add(&buffer, "x", 1));
        copies += buffer.capacity != before;
        assert_in_range(buffer.capacity, buffer.size, buffer.size + buffer.size / 8 + 1);
    }
    assert_in_range(copies, 1, 10);
    vsa_buffer_drop(&buffer, 11990);
    assert_int_equal(buffer.capacity, 10);
    vsa_buffer_drop(&buffer, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_add_and_drop, set_up),
        cmocka_unit_test_setup(test_capacity, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
