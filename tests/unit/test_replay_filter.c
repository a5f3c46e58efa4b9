/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/hex.h"
#include "base/slice.h"
#include "seal/replay_filter.h"

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

/* Through five sizes of the table. */
static void each_once(void **state)
{
    (void)state;
    struct vsa_replay_filter filter = {0};
    const uint32_t count = 40000;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(add(&filter, i), VSA_OK);
        assert_true(2 * filter.count <= filter.capacity);
        if (i % 997 == 0)
            assert_int_equal(add(&filter, i / 2), VSA_ERR_REPLAYED);
    }
    assert_int_equal(filter.count, count);
    assert_int_equal(filter.capacity, 131072);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(add(&filter, i), VSA_ERR_REPLAYED);
    vsa_replay_filter_clear(&filter);
    assert_null(filter.places);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_hmac),
        cmocka_unit_test(each_once),
        cmocka_unit_test(collisions),
    };
    return cmocka_run_group_tests_name("replay_filter", tests, NULL, NULL);
}
