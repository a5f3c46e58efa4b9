/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "forge.h"
#include "protocol/json.h"
#include "server/sharing.h"

static struct forge forge;

/* --- which requests --------------------------------------------------------------------------- */

static bool key_of(const char *members, struct vsa_share_key *key)
{
    char text[200];
    (void)snprintf(text, sizeof(text), "{\"command\":\"attest\"%s%s}", *members ? "," : "",
                   members);
    VSA_AUTO_JSON json_t *request = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(request);
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request asked;
    assert_int_equal(vsa_attest_request_decode(request, &buffers, &asked, NULL), VSA_OK);
    return vsa_share_key_of(&asked, key);
}

static void assert_same(const char *members, const char *others, bool same)
{
    struct vsa_share_key one;
    struct vsa_share_key two;
    assert_true(key_of(members, &one));
    assert_true(key_of(others, &two));
    if ((memcmp(&one, &two, sizeof(one)) == 0) != same)
        fail_msg("%s and %s", members, others);
}

static void what_is_equal(void **state)
{
    (void)state;
    assert_same("", "\"user_data\":\"hello-from-enclave\"", true);
    assert_same("\"user_data\":\"a\"", "\"user_data_base64\":\"YQ==\",\"nonce\":null,\"id\":7",
                true);
    assert_same("\"user_data\":null", "\"user_data_base64\":null,\"generate_key\":false", true);
    assert_same("\"user_data\":null", "\"user_data\":\"\"", false);
    assert_same("\"user_data\":null", "", false);
    assert_same("\"user_data\":\"a\"", "\"user_data\":\"b\"", false);
    assert_same("\"user_data\":\"a\"", "\"user_data\":\"a\\u0000\"", false);
}

static void what_is_never_shared(void **state)
{
    (void)state;
    static const char *const members[] = {
        "\"nonce\":\"n\"",       "\"nonce\":\"\"",        "\"nonce_base64\":\"AA==\"",
        "\"nonce_base64\":\"\"", "\"generate_key\":true",
    };
    struct vsa_share_key key;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (key_of(members[i], &key))
            fail_msg("%s", members[i]);
}

/* --- how long --------------------------------------------------------------------------------- */

/* Of a document that was made this long before its certificate ends (2026-01-15T14:59:03Z). */
static int64_t life_ms_with(int64_t life_ms)
{
    const int64_t not_after_ms = INT64_C(1768489143000);
    forge_reset(&forge);
    assert_string_equal(forge.certificates[FORGE_LEAF].not_after, "260115145903Z");
    forge_set_value(&forge, FORGE_FIELD_TIMESTAMP,
                    forge_unsigned(&forge, (uint64_t)(not_after_ms - life_ms)));
    return vsa_share_life_ms(forge_build(&forge));
}

/* The leaf's remaining life, by the NSM's own clock, less a margin. */
static void life_of_the_leaf(void **state)
{
    (void)state;
    const int64_t margin_ms = VSA_CACHE_CERTIFICATE_MARGIN_MS;
    assert_int_equal(life_ms_with(3600 * 1000), 3600 * 1000 - margin_ms);
    assert_int_equal(life_ms_with(margin_ms + 1), 1);
    assert_int_equal(life_ms_with(margin_ms), 0);
    assert_int_equal(life_ms_with(margin_ms - 1), 0);
    assert_int_equal(life_ms_with(0), 0);
    assert_int_equal(life_ms_with(-1000), 0);
}

static void time_beyond_all_clocks(void **state)
{
    (void)state;
    static const uint64_t times[] = {UINT64_MAX, (uint64_t)INT64_MAX + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        forge_reset(&forge);
        forge_set_value(&forge, FORGE_FIELD_TIMESTAMP, forge_unsigned(&forge, times[i]));
        assert_int_equal(vsa_share_life_ms(forge_build(&forge)), 0);
    }
}

/* What cannot be read is not kept. */
static void unreadable_documents(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_slice good = forge_build(&forge);
    assert_true(vsa_share_life_ms(good) > 0);
    assert_int_equal(vsa_share_life_ms(vsa_slice_of(good.data, good.size - 1)), 0);
    assert_int_equal(vsa_share_life_ms(vsa_slice_of_text("data")), 0);
    assert_int_equal(vsa_share_life_ms(vsa_slice_of("", 0)), 0);
    forge_reset(&forge);
    forge.certificates[FORGE_LEAF].form = FORGE_CUT_OFF;
    assert_int_equal(vsa_share_life_ms(forge_build(&forge)), 0);
}

/* --- what is under way, and what is kept ------------------------------------------------------ */

static struct vsa_share_key key_number(uint8_t number)
{
    struct vsa_share_key key = {{number}};
    return key;
}

static void under_way(void **state)
{
    (void)state;
    struct vsa_sharing sharing = {0};
    struct vsa_share shares[3] = {0};
    struct vsa_share newer = {0};
    struct vsa_share_key keys[3] = {key_number(1), key_number(2), key_number(3)};
    for (int i = 0; i < 3; i++)
        vsa_sharing_begin(&sharing, &shares[i], &keys[i]);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(vsa_sharing_find(&sharing, &keys[i]), &shares[i]);
    /* The older one has begun: a request that comes now may join the newer one. */
    vsa_sharing_begin(&sharing, &newer, &keys[1]);
    assert_ptr_equal(vsa_sharing_find(&sharing, &keys[1]), &newer);
    vsa_list_remove(&newer.place);
    assert_ptr_equal(vsa_sharing_find(&sharing, &keys[1]), &shares[1]);
    vsa_list_remove(&shares[1].place);
    vsa_list_remove(&shares[1].place);
    assert_null(vsa_sharing_find(&sharing, &keys[1]));
    assert_ptr_equal(vsa_sharing_find(&sharing, &keys[0]), &shares[0]);
    vsa_list_remove(&shares[0].place);
    vsa_list_remove(&shares[2].place);
    assert_null(vsa_list_first(&sharing.under_way));
}

static bool is_kept(struct vsa_sharing *sharing, int64_t now_ms)
{
    const struct vsa_share_key key = key_number(1);
    return vsa_sharing_find_kept(sharing, &key, now_ms) != NULL;
}

/* For as long as the option says, or as the document lives, whichever ends first. */
static void kept(void **state)
{
    (void)state;
    static struct vsa_sharing sharing;
    struct vsa_share share = {0};
    const struct vsa_share_key key = key_number(1);
    const struct vsa_slice text = vsa_slice_of("{", 1);
    vsa_sharing_begin(&sharing, &share, &key);
    vsa_sharing_keep(&sharing, &share, text, 1000, 99999);
    assert_false(is_kept(&sharing, 1000)); /* off */
    sharing.ttl_ms = 500;
    vsa_sharing_keep(&sharing, &share, text, 1000, 0);
    assert_false(is_kept(&sharing, 1000));
    vsa_sharing_keep(&sharing, &share, text, 1000, 99999);
    assert_true(is_kept(&sharing, 1499));
    assert_false(is_kept(&sharing, 1500));
    vsa_sharing_keep(&sharing, &share, text, 1000, 200);
    assert_true(is_kept(&sharing, 1199));
    assert_false(is_kept(&sharing, 1200));
    vsa_list_remove(&share.place);
    vsa_sharing_keep(&sharing, &share, text, 1000, 200);
    assert_false(is_kept(&sharing, 1000));
    vsa_sharing_drop_kept(&sharing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_equal),
        cmocka_unit_test(what_is_never_shared),
        cmocka_unit_test(life_of_the_leaf),
        cmocka_unit_test(time_beyond_all_clocks),
        cmocka_unit_test(unreadable_documents),
        cmocka_unit_test(under_way),
        cmocka_unit_test(kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
