/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "server/deadlines.h"

static struct vsa_deadline entries[4];
static struct vsa_deadline_list list;
static char expired[16];
static struct vsa_deadline *append_on_expiry;

static void on_expired(void *user, struct vsa_deadline *entry)
{
    char name[2] = {(char)('a' + (entry - entries)), '\0'};
    assert_ptr_equal(user, expired);
    assert_null(entry->next);
    strcat(expired, name);
    if (append_on_expiry)
        vsa_deadlines_append(&list, append_on_expiry, 100);
}

static int set_up(void **state)
{
    (void)state;
    memset(entries, 0, sizeof(entries));
    expired[0] = '\0';
    append_on_expiry = NULL;
    vsa_deadlines_init(&list, 10, on_expired);
    return 0;
}

static void expire_at(int64_t now, const char *expected)
{
    expired[0] = '\0';
    vsa_deadlines_expire(&list, now, expired);
    assert_string_equal(expired, expected);
}

static void test_order(void **state)
{
    (void)state;
    assert_true(vsa_deadlines_empty(&list));
    assert_true(vsa_deadlines_next(&list) == VSA_DEADLINE_NEVER);
    vsa_deadlines_append(&list, &entries[0], 0);
    vsa_deadlines_append(&list, &entries[1], 5);
    vsa_deadlines_append(&list, &entries[2], 5);
    assert_false(vsa_deadlines_empty(&list));
    assert_int_equal(vsa_deadlines_next(&list), 10);
    expire_at(9, "");
    expire_at(10, "a");
    assert_int_equal(vsa_deadlines_next(&list), 15);
    expire_at(99, "bc");
    assert_true(vsa_deadlines_empty(&list));
}

static void test_append_again(void **state)
{
    (void)state;
    struct vsa_deadline_list other;
    vsa_deadlines_init(&other, 0, on_expired);
    vsa_deadlines_append(&list, &entries[0], 0);
    vsa_deadlines_append(&list, &entries[1], 1);
    vsa_deadlines_append(&list, &entries[0], 2); /* renewed: now the last */
    vsa_deadlines_append(&list, &entries[2], 3);
    vsa_deadlines_append(&other, &entries[1], 4); /* moved */
    assert_int_equal(vsa_deadlines_next(&list), 12);
    assert_int_equal(vsa_deadlines_next(&other), 4);
    expire_at(99, "ac");
}

static void test_remove(void **state)
{
    (void)state;
    vsa_deadlines_append(&list, &entries[0], 0);
    vsa_deadlines_append(&list, &entries[1], 0);
    vsa_deadlines_append(&list, &entries[2], 0);
    vsa_deadlines_remove(&entries[1]);
    vsa_deadlines_remove(&entries[1]);
    vsa_deadlines_remove(&entries[3]);
    assert_ptr_equal(vsa_deadlines_pop(&list), &entries[0]);
    assert_ptr_equal(vsa_deadlines_pop(&list), &entries[2]);
    assert_null(vsa_deadlines_pop(&list));
}

/* What expiry appends waits for the next round, even if it is due at once. */
static void test_append_while_expiring(void **state)
{
    (void)state;
    vsa_deadlines_init(&list, 0, on_expired);
    vsa_deadlines_append(&list, &entries[0], 0);
    append_on_expiry = &entries[1];
    expire_at(100, "a");
    assert_false(vsa_deadlines_empty(&list));
    append_on_expiry = NULL;
    expire_at(100, "b");
}

static void test_never(void **state)
{
    (void)state;
    vsa_deadlines_init(&list, VSA_DEADLINE_NEVER, on_expired);
    vsa_deadlines_append(&list, &entries[0], 5);
    assert_true(vsa_deadlines_next(&list) == VSA_DEADLINE_NEVER);
    expire_at(VSA_DEADLINE_NEVER - 1, "");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order),  TEST(test_append_again),
        TEST(test_remove), TEST(test_append_while_expiring),
        TEST(test_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
