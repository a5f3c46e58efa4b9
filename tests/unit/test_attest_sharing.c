/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "forge.h"
#include "protocol/json.h"
#include "server/attest_sharing.h"

static struct forge forge;

/* --- which requests --------------------------------------------------------------------------- */

static bool key_of(const char *members, uint8_t key[VSA_SHA384_SIZE])
{
    char text[200];
    (void)snprintf(text, sizeof(text), "{\"command\":\"attest\"%s%s}", *members ? "," : "",
                   members);
    VSA_AUTO_JSON json_t *request = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(request);
    return vsa_attest_sharing.key(request, key);
}

static void assert_same(const char *members, const char *others, bool same)
{
    uint8_t one[VSA_SHA384_SIZE];
    uint8_t two[VSA_SHA384_SIZE];
    assert_true(key_of(members, one));
    assert_true(key_of(others, two));
    if ((memcmp(one, two, sizeof(one)) == 0) != same)
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
        "\"nonce\":\"n\"",          "\"nonce\":\"\"",        "\"nonce_base64\":\"AA==\"",
        "\"nonce_base64\":\"\"",    "\"generate_key\":true", "\"nonce\":1",
        "\"generate_key\":\"yes\"", "\"user_data\":1",       "\"user_data_base64\":\"*\"",
    };
    uint8_t key[VSA_SHA384_SIZE];
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (key_of(members[i], key))
            fail_msg("%s", members[i]);
}

/* --- how long --------------------------------------------------------------------------------- */

static int64_t keep_ms_of(struct vsa_slice document)
{
    VSA_AUTO_JSON json_t *reply = json_object();
    assert_int_equal(vsa_json_set(reply, "attestation_document", vsa_json_base64(document), NULL),
                     VSA_OK);
    return vsa_attest_sharing.keep_ms(reply);
}

/* Of a document that was made so long before its certificate ends (2026-01-15T14:59:03Z). */
static int64_t keep_ms_with_life(int64_t life_ms)
{
    const int64_t not_after_ms = INT64_C(1768489143000);
    forge_reset(&forge);
    assert_string_equal(forge.certificates[FORGE_LEAF].not_after, "260115145903Z");
    forge_set_value(&forge, FORGE_FIELD_TIMESTAMP,
                    forge_unsigned(&forge, (uint64_t)(not_after_ms - life_ms)));
    return keep_ms_of(forge_build(&forge));
}

/* The leaf's remaining life, by the NSM's own clock, less a margin. */
static void life_of_the_leaf(void **state)
{
    (void)state;
    const int64_t margin_ms = VSA_CACHE_CERTIFICATE_MARGIN_MS;
    assert_int_equal(keep_ms_with_life(3600 * 1000), 3600 * 1000 - margin_ms);
    assert_int_equal(keep_ms_with_life(margin_ms + 1), 1);
    assert_int_equal(keep_ms_with_life(margin_ms), 0);
    assert_int_equal(keep_ms_with_life(margin_ms - 1), 0);
    assert_int_equal(keep_ms_with_life(0), 0);
    assert_int_equal(keep_ms_with_life(-1000), 0);
}

static void time_beyond_all_clocks(void **state)
{
    (void)state;
    static const uint64_t times[] = {UINT64_MAX, (uint64_t)INT64_MAX + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        forge_reset(&forge);
        forge_set_value(&forge, FORGE_FIELD_TIMESTAMP, forge_unsigned(&forge, times[i]));
        assert_int_equal(keep_ms_of(forge_build(&forge)), 0);
    }
}

/* What cannot be read is not kept. */
static void unreadable_documents(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_slice good = forge_build(&forge);
    assert_true(keep_ms_of(good) > 0);
    assert_int_equal(keep_ms_of(vsa_slice_of(good.data, good.size - 1)), 0);
    assert_int_equal(keep_ms_of(vsa_slice_of_text("data")), 0);
    assert_int_equal(keep_ms_of(vsa_slice_of("", 0)), 0);
    forge_reset(&forge);
    forge.certificates[FORGE_LEAF].form = FORGE_CUT_OFF;
    assert_int_equal(keep_ms_of(forge_build(&forge)), 0);
    static const char *const replies[] = {"{}", "{\"attestation_document\":7}",
                                          "{\"attestation_document\":\"*\"}",
                                          "{\"attestation_document\":null}"};
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        VSA_AUTO_JSON json_t *reply = json_loads(replies[i], 0, NULL);
        assert_int_equal(vsa_attest_sharing.keep_ms(reply), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_equal),        cmocka_unit_test(what_is_never_shared),
        cmocka_unit_test(life_of_the_leaf),     cmocka_unit_test(time_beyond_all_clocks),
        cmocka_unit_test(unreadable_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
