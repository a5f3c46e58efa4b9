/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "server/sharing.h"

static struct vsa_sharing sharing;
static char large[VSA_MAX_CACHED_REPLY_BYTES + 1];

static int set_up(void **state)
{
    (void)state;
    sharing = (struct vsa_sharing){0};
    memset(large, 'x', sizeof(large));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vsa_sharing_drop_kept(&sharing);
    assert_int_equal(sharing.kept_bytes, 0);
    return 0;
}

static const struct vsa_share_key *key_of(int number)
{
    static struct vsa_share_key key;
    memset(&key, 0, sizeof(key));
    (void)snprintf((char *)key.digest, sizeof(key.digest), "%d", number);
    return &key;
}

static void keep_text(int number, const char *text, size_t size, int64_t made_ms,
                      int64_t expires_ms)
{
    struct vsa_share share = {0};
    sharing.ttl_ms = expires_ms - made_ms;
    vsa_sharing_begin(&sharing, &share, key_of(number));
    vsa_sharing_keep(&sharing, &share, vsa_slice_of(text, size), made_ms, INT64_MAX);
    vsa_list_remove(&share.place);
}

static void keep(int number, size_t size)
{
    keep_text(number, large, size, 10, 100);
}

static bool has(int number)
{
    return vsa_sharing_find_kept(&sharing, key_of(number), 50) != NULL;
}

static void kept_and_found(void **state)
{
    (void)state;
    assert_false(has(1));
    keep_text(1, "one", 3, 10, 100);
    keep_text(2, "second", 6, 20, 100);
    const struct vsa_kept_reply *reply = vsa_sharing_find_kept(&sharing, key_of(1), 50);
    assert_non_null(reply);
    assert_int_equal(reply->size, 3);
    assert_memory_equal(reply->text, "one", 3);
    assert_int_equal(reply->made_ms, 10);
    assert_int_equal(sharing.kept_bytes, 9);
    /* All of the key counts. */
    struct vsa_share_key other = *key_of(1);
    other.digest[VSA_SHA384_SIZE - 1] ^= 1;
    assert_null(vsa_sharing_find_kept(&sharing, &other, 50));
}

static void expires_to_the_millisecond(void **state)
{
    (void)state;
    keep(1, 3);
    assert_non_null(vsa_sharing_find_kept(&sharing, key_of(1), 99));
    assert_null(vsa_sharing_find_kept(&sharing, key_of(1), 100));
    /* It is gone for good, whatever the clock does. */
    assert_null(vsa_sharing_find_kept(&sharing, key_of(1), 50));
    assert_int_equal(sharing.kept_bytes, 0);
}

static void newer_takes_the_place(void **state)
{
    (void)state;
    keep_text(1, "old", 3, 10, 100);
    keep_text(1, "newer", 5, 60, 200);
    const struct vsa_kept_reply *reply = vsa_sharing_find_kept(&sharing, key_of(1), 150);
    assert_non_null(reply);
    assert_memory_equal(reply->text, "newer", 5);
    assert_int_equal(reply->made_ms, 60);
    assert_int_equal(sharing.kept_bytes, 5);
}

/* The one unused for longest goes first. */
static void bounded_in_number(void **state)
{
    (void)state;
    for (int i = 0; i < VSA_MAX_CACHED_REPLIES; i++)
        keep(i, 3);
    assert_true(has(0));
    keep(1000, 3);
    assert_true(has(1000));
    assert_true(has(0));
    assert_false(has(1));
    assert_true(has(2));
    for (int i = 2000; i < 3000; i++)
        keep(i, 3);
    assert_int_equal(sharing.kept_bytes, 3 * VSA_MAX_CACHED_REPLIES);
    assert_false(has(0));
    assert_true(has(2999));
    assert_true(has(3000 - VSA_MAX_CACHED_REPLIES));
}

static void bounded_in_bytes(void **state)
{
    (void)state;
    const size_t third = VSA_MAX_CACHED_REPLY_BYTES / 3;
    for (int i = 0; i < 3; i++)
        keep(i, third);
    assert_true(has(0));
    keep(3, third);
    assert_true(has(0));
    assert_false(has(1));
    assert_true(has(2));
    assert_true(sharing.kept_bytes <= VSA_MAX_CACHED_REPLY_BYTES);
    keep(4, VSA_MAX_CACHED_REPLY_BYTES);
    assert_true(has(4));
    assert_false(has(0));
    assert_int_equal(sharing.kept_bytes, VSA_MAX_CACHED_REPLY_BYTES);
    /* One that is too large for all of it evicts none. */
    keep(5, VSA_MAX_CACHED_REPLY_BYTES + 1);
    assert_false(has(5));
    assert_true(has(4));
}

static void cleared(void **state)
{
    (void)state;
    keep(1, 3);
    keep(2, 3);
    vsa_sharing_drop_kept(&sharing);
    assert_false(has(1));
    assert_false(has(2));
    assert_int_equal(sharing.kept_bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kept_and_found),    TEST(expires_to_the_millisecond), TEST(newer_takes_the_place),
        TEST(bounded_in_number), TEST(bounded_in_bytes),           TEST(cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
