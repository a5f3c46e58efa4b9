/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "verifierd/clients.h"

/* printf %s 0123456789abcdef0123456789abcdef | sha256sum; the other one is of no secret here. */
#define SECRET "0123456789abcdef0123456789abcdef"
#define DIGEST "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9"
#define OTHER  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static struct vsa_client_list list;

static enum vsa_status parse(const char *text)
{
    return vsa_client_list_parse(vsa_slice_of_text(text), &list, NULL);
}

static void found_by_secret(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "Bearer",
        "Bearer ",
        SECRET,
        "Basic " SECRET,
        "Bearer  " SECRET,
        "Bearer " SECRET "0",
        "Bearer 0123456789abcdef0123456789abcde",
    };
    assert_int_equal(parse("# comment\n\none " OTHER "\r\ntwo " DIGEST " 7\n"), VSA_OK);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.clients[0].rate, 0);
    assert_int_equal(list.clients[1].rate, 7);
    const struct vsa_service_client *found = vsa_client_list_find(&list, "Bearer " SECRET);
    assert_ptr_equal(found, &list.clients[1]);
    assert_string_equal(found->name, "two");
    assert_ptr_equal(vsa_client_list_find(&list, "bEARER " SECRET), found);
    assert_null(vsa_client_list_find(&list, NULL));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_null(vsa_client_list_find(&list, others[i]));
}

static void lines_that_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "one",
        "one ff",
        "one " OTHER "0",
        "one " OTHER " 0",
        "one " OTHER " 1000001",
        "one " OTHER " x",
        "one " OTHER " 1 2",
        "a/b " OTHER,
        "one " OTHER "\none " DIGEST,
        "abcdefghijklmnopqrstuvwxyz0123456 " OTHER,
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_int_equal(parse(lines[i]), VSA_ERR_ARGUMENT);
    assert_int_equal(parse(""), VSA_OK);
    assert_int_equal(list.count, 0);
}

static void each_key_has_a_bucket(void **state)
{
    (void)state;
    struct vsa_rate_table *table = vsa_rate_table_new();
    const struct vsa_slice one = vsa_slice_of_text("one");
    const struct vsa_slice two = vsa_slice_of_text("two");
    assert_non_null(table);
    for (int i = 0; i < 3; i++)
        assert_int_equal(vsa_rate_table_take(table, one, 10, 3, 1000), 0);
    assert_int_equal(vsa_rate_table_take(table, one, 10, 3, 1000), 100);
    assert_int_equal(vsa_rate_table_take(table, two, 10, 3, 1000), 0);
    assert_int_equal(vsa_rate_table_take(table, one, 10, 3, 1100), 0);
    assert_int_equal(vsa_rate_table_take(table, one, 10, 3, 1100), 100);
    vsa_rate_table_free(table);
}

/* With ten times as many keys as places, one that took much is still known. */
static void many_keys(void **state)
{
    (void)state;
    struct vsa_rate_table *table = vsa_rate_table_new();
    const struct vsa_slice busy = vsa_slice_of_text("busy");
    assert_non_null(table);
    for (int i = 0; i < 10; i++)
        assert_int_equal(vsa_rate_table_take(table, busy, 1, 10, 1000), 0);
    for (uint32_t i = 0; i < 10 * VSA_CLIENT_TABLE; i++)
        assert_int_equal(vsa_rate_table_take(table, vsa_slice_of(&i, sizeof(i)), 1, 10, 1000), 0);
    assert_int_equal(vsa_rate_table_take(table, busy, 1, 10, 1000), 1000);
    vsa_rate_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_secret),
        cmocka_unit_test(lines_that_are_refused),
        cmocka_unit_test(each_key_has_a_bucket),
        cmocka_unit_test(many_keys),
    };
    return cmocka_run_group_tests_name("clients", tests, NULL, NULL);
}
