/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "token/ear_result.h"

#define NOW_S INT64_C(1768478400)

static const struct vsa_ear_expected expected = {
    .policy = "prod",
    .now_ms = NOW_S * 1000,
};

static json_t *claims;

static int reset(void **state)
{
    (void)state;
    claims = json_pack("{s:s, s:I, s:I, s:s, s:s, s:{s:{s:s, s:{s:i, s:i}, s:[s], s:{s:[s, s]}}}}",
                       "eat_profile", "tag:ietf.org,2026:rats/ear#04", "iat", (json_int_t)NOW_S,
                       "exp", (json_int_t)NOW_S + 300, "eat_nonce", "challenge", "ear_status",
                       "contraindicated", "submods", "nitro-enclave", "ear_status",
                       "contraindicated", "ear_trustworthiness_vector", "hardware", 97,
                       "executables", 3, "ear_appraisal_policy_ids", "prod#sha256-x",
                       "ear_verifier_claims", "error_codes", "no_such_code", "untrusted_root");
    assert_non_null(claims);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    json_decref(claims);
    return 0;
}

static enum vsa_status read_with(const char *audience, struct vsa_ear_result *result,
                                 struct vsa_error *error)
{
    struct vsa_ear_expected now = expected;
    now.challenge = vsa_slice_of_text("challenge");
    now.audience = audience;
    return vsa_ear_read(claims, &now, result, error);
}

static void assert_refused(const char *words)
{
    struct vsa_error error = {0};
    struct vsa_ear_result result = {.status = VSA_TIERS};
    assert_int_equal(read_with(NULL, &result, &error), VSA_ERR_TOKEN);
    assert_int_equal(result.status, VSA_TIERS);
    assert_non_null(strstr(error.detail, words));
}

static json_t *submodule(void)
{
    return json_object_get(json_object_get(claims, "submods"), "nitro-enclave");
}

static void contraindicated(void **state)
{
    (void)state;
    struct vsa_ear_result result;
    assert_int_equal(read_with(NULL, &result, NULL), VSA_OK);
    assert_int_equal(result.status, VSA_TIER_CONTRAINDICATED);
    assert_int_equal(result.reason, VSA_ERR_UNTRUSTED_ROOT);
    assert_ptr_equal(vsa_ear_submodule(claims), submodule());
    json_object_del(submodule(), "ear_verifier_claims");
    assert_int_equal(read_with(NULL, &result, NULL), VSA_OK);
    assert_int_equal(result.reason, VSA_ERR_REFUSED_BY_PEER);
}

static void affirming(void **state)
{
    (void)state;
    struct vsa_ear_result result;
    json_object_set_new(claims, "ear_status", json_string("affirming"));
    assert_refused("better");
    json_object_set_new(submodule(), "ear_status", json_string("affirming"));
    assert_refused("better");
    json_object_set_new(json_object_get(submodule(), "ear_trustworthiness_vector"), "hardware",
                        json_integer(2));
    assert_int_equal(read_with(NULL, &result, NULL), VSA_OK);
    assert_int_equal(result.status, VSA_TIER_AFFIRMING);
    assert_int_equal(result.reason, VSA_OK);
}

/* Affirming is what something supports: no claim is none. */
static void affirming_of_nothing(void **state)
{
    (void)state;
    struct vsa_ear_result result;
    json_object_set_new(claims, "ear_status", json_string("affirming"));
    json_object_set_new(submodule(), "ear_status", json_string("affirming"));
    json_object_set_new(submodule(), "ear_trustworthiness_vector",
                        json_pack("{s:i}", "hardware", 0));
    assert_refused("better");
    json_object_set_new(submodule(), "ear_status", json_string("none"));
    assert_refused("better");
    json_object_set_new(claims, "ear_status", json_string("none"));
    assert_int_equal(read_with(NULL, &result, NULL), VSA_OK);
    assert_int_equal(result.status, VSA_TIER_NONE);
    assert_int_equal(result.reason, VSA_ERR_UNTRUSTED_ROOT);
}

static void audiences(void **state)
{
    (void)state;
    struct vsa_ear_result result;
    assert_int_equal(read_with("app", &result, NULL), VSA_ERR_TOKEN);
    json_object_set_new(claims, "aud", json_string("app"));
    assert_int_equal(read_with("app", &result, NULL), VSA_OK);
    assert_int_equal(read_with("another", &result, NULL), VSA_ERR_TOKEN);
    assert_refused("\"aud\"");
}

/* One claim different, or missing. */
static void other_claims(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t number; /* or 0: a text */
    } rows[] = {
        {"eat_profile", 0},  {"eat_nonce", 0}, {"iat", 0},         {"iat", NOW_S + 61},
        {"exp", NOW_S - 60}, {"exp", 0},       {"ear_status", 0},  {"ear_status", 1},
        {"submods", 0},      {"iat", -1},      {"iat", INT64_MIN}, {"exp", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_object_set_new(claims, rows[i].name,
                            rows[i].number ? json_integer(rows[i].number) : json_string("other"));
        assert_refused(strcmp(rows[i].name, "submods") == 0 ? "submodule" : rows[i].name);
        json_object_del(claims, rows[i].name);
        assert_refused(strcmp(rows[i].name, "submods") == 0 ? "submodule" : rows[i].name);
        json_decref(claims);
        (void)reset(NULL);
    }
}

static void other_submodules(void **state)
{
    (void)state;
    static const char *const names[] = {"ear_status", "ear_trustworthiness_vector",
                                        "ear_appraisal_policy_ids"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_object_set_new(submodule(), names[i], json_pack("{s:s}", "hardware", "2"));
        assert_refused(i == 1 ? "hardware" : names[i]);
        json_object_del(submodule(), names[i]);
        assert_refused(names[i]);
        json_decref(claims);
        (void)reset(NULL);
    }
    json_object_set_new(submodule(), "ear_appraisal_policy_ids",
                        json_pack("[s, s]", "prod", "production#x"));
    assert_refused("prod");
}

/* At the very ends of what clocks may differ by. */
static void clocks(void **state)
{
    (void)state;
    struct vsa_ear_result result;
    json_object_set_new(claims, "iat", json_integer(NOW_S + 60));
    json_object_set_new(claims, "exp", json_integer(NOW_S - 59));
    assert_int_equal(read_with(NULL, &result, NULL), VSA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(contraindicated, reset, drop),
        cmocka_unit_test_setup_teardown(affirming, reset, drop),
        cmocka_unit_test_setup_teardown(affirming_of_nothing, reset, drop),
        cmocka_unit_test_setup_teardown(audiences, reset, drop),
        cmocka_unit_test_setup_teardown(other_claims, reset, drop),
        cmocka_unit_test_setup_teardown(other_submodules, reset, drop),
        cmocka_unit_test_setup_teardown(clocks, reset, drop),
    };
    return cmocka_run_group_tests_name("ear_result", tests, NULL, NULL);
}
