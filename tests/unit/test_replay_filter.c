/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/hex.h"
#include "base/slice.h"
#include "seal/replay_filter.h"
#include "slow_tool.h"
#include <vsattest/limits.h>

static void tag_of(uint32_t number, uint8_t tag[VSA_REPLAY_TAG_SIZE])
{
    static const uint8_t key[VSA_REPLAY_KEY_SIZE] = {7};
    assert_int_equal(vsa_replay_tag(key, vsa_slice_of(&number, sizeof(number)), tag, NULL), VSA_OK);
}

static enum vsa_status add(struct vsa_replay_filter *filter, uint32_t number)
{
    uint8_t tag[VSA_REPLAY_TAG_SIZE];
    tag_of(number, tag);
    return vsa_replay_filter_add(filter, tag, NULL);
}

/* RFC 4231 test case 1, padded with zeros to the size of our key, which HMAC does anyway. */
static void it_is_hmac(void **state)
{
    (void)state;
    uint8_t key[VSA_REPLAY_KEY_SIZE] = {0};
    uint8_t tag[VSA_REPLAY_TAG_SIZE];
    char text[2 * VSA_REPLAY_TAG_SIZE + 1];
    memset(key, 0x0b, 20);
    assert_int_equal(vsa_replay_tag(key, vsa_slice_of_text("Hi There"), tag, NULL), VSA_OK);
    vsa_hex_encode(vsa_slice_of(tag, sizeof(tag)), text, sizeof(text));
    assert_string_equal(text, "b0344c61d8db38535ca8afceaf0bf12b");
}

/* Through six tables. */
static void each_once(void **state)
{
    (void)state;
    struct vsa_replay_filter filter = {0};
    const uint32_t count = 40000;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(add(&filter, i), VSA_OK);
        assert_true(filter.count <= (VSA_REPLAY_FIRST_PLACES << (filter.table_count - 1)) / 2);
        if (i % 997 == 0)
            assert_int_equal(add(&filter, i / 2), VSA_ERR_REPLAYED);
    }
    assert_int_equal(filter.count, count);
    assert_int_equal(filter.table_count, 6);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(add(&filter, i), VSA_ERR_REPLAYED);
    vsa_replay_filter_clear(&filter);
    assert_int_equal(filter.table_count, 0);
    assert_int_equal(add(&filter, 1), VSA_OK);
    vsa_replay_filter_clear(&filter);
}

/* Tags that all belong to the last place: the table goes round. */
static void collisions(void **state)
{
    (void)state;
    struct vsa_replay_filter filter = {0};
    uint8_t tag[VSA_REPLAY_TAG_SIZE];
    memset(tag, 0xff, sizeof(tag));
    for (unsigned i = 0; i < 255; i++) {
        tag[15] = (uint8_t)(i + 1);
        assert_int_equal(vsa_replay_filter_add(&filter, tag, NULL), VSA_OK);
        assert_int_equal(vsa_replay_filter_add(&filter, tag, NULL), VSA_ERR_REPLAYED);
    }
    assert_int_equal(filter.count, 255);
    vsa_replay_filter_clear(&filter);
}

/* Adding costs the same at each size: it moves nothing, and touches a few places of each table. */
static void the_last_table(void **state)
{
    (void)state;
    struct vsa_replay_filter filter = {0};
    if (is_slow_tool())
        SKIP_BECAUSE("valgrind writes the zeros of all 512 MiB");
    assert_int_equal(add(&filter, 1), VSA_OK);
    while (filter.table_count < VSA_REPLAY_MAX_TABLES) {
        filter.count = VSA_REPLAY_FIRST_PLACES << (filter.table_count - 1);
        filter.count /= 2;
        assert_int_equal(add(&filter, (uint32_t)filter.count), VSA_OK);
    }
    filter.count = VSA_MAX_SEAL_MAX_USES - 1;
    assert_int_equal(add(&filter, 1), VSA_ERR_REPLAYED);
    assert_int_equal(add(&filter, 2), VSA_OK);
    assert_int_equal(add(&filter, 3), VSA_ERR_TOO_MANY);
    vsa_replay_filter_clear(&filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_hmac),
        cmocka_unit_test(each_once),
        cmocka_unit_test(collisions),
        cmocka_unit_test(the_last_table),
    };
    return cmocka_run_group_tests_name("replay_filter", tests, NULL, NULL);
}
