/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/list.h"

static struct vsa_link list;
static struct vsa_link links[4];

static int set_up(void **state)
{
    (void)state;
    memset(&list, 0, sizeof(list));
    memset(links, 0, sizeof(links));
    return 0;
}

static void assert_pops(const char *expected)
{
    for (; *expected; expected++)
        assert_ptr_equal(vsa_list_pop(&list), &links[*expected - 'a']);
    assert_null(vsa_list_pop(&list));
    assert_null(vsa_list_first(&list));
}

static void test_order(void **state)
{
    (void)state;
    assert_pops("");
    vsa_list_append(&list, &links[0]);
    vsa_list_append(&list, &links[1]);
    vsa_list_insert(&list, &links[2]);
    assert_ptr_equal(vsa_list_first(&list), &links[2]);
    assert_pops("cab");
    vsa_list_insert(&list, &links[3]);
    vsa_list_append(&list, &links[0]);
    vsa_list_insert(&links[3], &links[1]);
    assert_pops("dba");
}

static void test_remove(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        vsa_list_append(&list, &links[i]);
    vsa_list_remove(&links[3]);
    vsa_list_remove(&links[0]);
    assert_false(vsa_link_is_listed(&links[0]));
    vsa_list_remove(&links[0]);
    vsa_list_append(&list, &links[0]);
    assert_true(vsa_link_is_listed(&links[0]));
    vsa_list_remove(&links[2]);
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
