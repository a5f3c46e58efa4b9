/* SPDX-License-Identifier: Apache-2.0 */
/* The table of docs/SERVICE.md, "What the values mean", row by row. */
#include "unit_test.h"

#include "verifierd/appraise.h"

#define INSTANCE "i-0123456789abcdef0"

static struct vsa_measurements images[2];
static struct vsa_claims claims;
static struct vsa_appraisal_rules rules;
static struct vsa_appraisal appraisal;

static void set_pcr(struct vsa_pcrs *pcrs, unsigned index, uint8_t fill)
{
    pcrs->present |= UINT32_C(1) << index;
    memset(pcrs->value[index], fill, VSA_PCR_SIZE);
}

/* A genuine document of AWS's with PCR0..4 and 8, and rules that name nothing. */
static int reset(void **state)
{
    (void)state;
    static const unsigned indexes[] = {0, 1, 2, 3, 4, 8};
    memset(images, 0, sizeof(images));
    rules = (struct vsa_appraisal_rules){0};
    claims = (struct vsa_claims){
        .module_id = vsa_slice_of_text(INSTANCE "-enc0123456789abcdef"),
        .root_is_aws = true,
    };
    for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++)
        set_pcr(&claims.pcrs, indexes[i], (uint8_t)(0x10 + indexes[i]));
    return 0;
}

static void name_images(uint8_t first, uint8_t second)
{
    for (unsigned i = 0; i < 3; i++) {
        set_pcr(&images[0].pcrs, i, (uint8_t)(first + i));
        set_pcr(&images[1].pcrs, i, (uint8_t)(second + i));
    }
    rules.images = images;
    rules.image_count = 2;
}

static void debug(void)
{
    claims.debug_mode = true;
    for (unsigned i = 0; i < 3; i++)
        set_pcr(&claims.pcrs, i, 0);
}

static void appraise(void)
{
    vsa_appraise(VSA_OK, &claims, &rules, &appraisal);
}

/* In the vector's order: instance, configuration, executables, hardware, runtime-opaque. */
static void assert_vector(int instance, int configuration, int executables, int hardware,
                          int runtime)
{
    assert_int_equal(appraisal.vector[VSA_TRUST_INSTANCE_IDENTITY], instance);
    assert_int_equal(appraisal.vector[VSA_TRUST_CONFIGURATION], configuration);
    assert_int_equal(appraisal.vector[VSA_TRUST_EXECUTABLES], executables);
    assert_int_equal(appraisal.vector[VSA_TRUST_FILE_SYSTEM], 0);
    assert_int_equal(appraisal.vector[VSA_TRUST_HARDWARE], hardware);
    assert_int_equal(appraisal.vector[VSA_TRUST_RUNTIME_OPAQUE], runtime);
    assert_int_equal(appraisal.vector[VSA_TRUST_STORAGE_OPAQUE], 0);
    assert_int_equal(appraisal.vector[VSA_TRUST_SOURCED_DATA], 0);
}

static void assert_reason(enum vsa_trust_tier status, enum vsa_status reason)
{
    assert_int_equal(appraisal.status, status);
    assert_int_equal(appraisal.reason_count, reason == VSA_OK ? 0 : 1);
    if (reason != VSA_OK)
        assert_int_equal(appraisal.reasons[0], reason);
}

static void names_nothing(void **state)
{
    (void)state;
    appraise();
    assert_vector(0, 3, 0, 2, 0);
    assert_reason(VSA_TIER_AFFIRMING, VSA_OK);
}

static void hardware_of_another_root(void **state)
{
    (void)state;
    claims.root_is_aws = false;
    appraise();
    assert_vector(0, 3, 0, 97, 0);
    assert_reason(VSA_TIER_CONTRAINDICATED, VSA_ERR_UNTRUSTED_ROOT);
}

static void executables_match_one_entry(void **state)
{
    (void)state;
    name_images(0x50, 0x10);
    appraise();
    assert_vector(0, 3, 3, 2, 0);
    assert_ptr_equal(appraisal.image, &images[1]);
    assert_reason(VSA_TIER_AFFIRMING, VSA_OK);
}

/* All three of one entry: not two of this one and one of that one. */
static void executables_match_no_entry(void **state)
{
    (void)state;
    name_images(0x10, 0x10);
    set_pcr(&images[0].pcrs, 2, 0x99);
    set_pcr(&images[1].pcrs, 1, 0x99);
    appraise();
    assert_vector(0, 3, 33, 2, 0);
    assert_null(appraisal.image);
    assert_reason(VSA_TIER_WARNING, VSA_ERR_PCR_MISMATCH);
}

/* An entry may name more, such as the signer's PCR8. */
static void executables_match_in_all_pcrs(void **state)
{
    (void)state;
    name_images(0x10, 0x50);
    set_pcr(&images[0].pcrs, 8, 0x18);
    appraise();
    assert_vector(0, 3, 3, 2, 0);
    set_pcr(&images[0].pcrs, 8, 0x19);
    appraise();
    assert_vector(0, 3, 33, 2, 0);
}

static void configuration_and_instance(void **state)
{
    (void)state;
    static const struct {
        unsigned pcr;
        bool matches;
        int instance;
        int configuration;
    } table[] = {
        {3, true, 2, 2},    {3, false, 97, 36}, {4, true, 2, 2},
        {4, false, 97, 36}, {8, true, 0, 2},    {8, false, 0, 36},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        rules.platform = (struct vsa_pcrs){0};
        set_pcr(&rules.platform, table[i].pcr,
                table[i].matches ? (uint8_t)(0x10 + table[i].pcr) : 0x77);
        appraise();
        assert_vector(table[i].instance, table[i].configuration, 0, 2, 0);
        assert_int_equal(appraisal.reason_count, table[i].matches ? 0 : 1);
    }
}

static void missing_pcr_is_different(void **state)
{
    (void)state;
    set_pcr(&rules.platform, 5, 0x15);
    appraise();
    assert_vector(0, 36, 0, 2, 0);
    assert_reason(VSA_TIER_WARNING, VSA_ERR_PCR_MISSING);
}

static void instance_by_its_id(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        bool matches;
    } table[] = {
        {INSTANCE, true},
        {"i-0123456789abcdef1", false},
        {"i-0123456789abcdef", false}, /* a prefix */
        {INSTANCE "-enc0123456789abcdef", false},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        rules.instance = vsa_slice_of_text(table[i].id);
        appraise();
        assert_vector(table[i].matches ? 2 : 97, table[i].matches ? 2 : 36, 0, 2, 0);
        assert_reason(table[i].matches ? VSA_TIER_AFFIRMING : VSA_TIER_CONTRAINDICATED,
                      table[i].matches ? VSA_OK : VSA_ERR_INSTANCE);
    }
}

static void user_data_and_public_key(void **state)
{
    (void)state;
    rules.user_data = vsa_slice_of_text("data");
    appraise();
    assert_vector(0, 36, 0, 2, 0);
    assert_reason(VSA_TIER_WARNING, VSA_ERR_USER_DATA);
    claims.user_data = vsa_slice_of_text("data");
    appraise();
    assert_vector(0, 2, 0, 2, 0);
    rules.public_key_required = true;
    appraise();
    assert_vector(0, 36, 0, 2, 0);
    assert_reason(VSA_TIER_WARNING, VSA_ERR_PUBLIC_KEY);
    claims.public_key = vsa_slice_of("", 0);
    appraise();
    assert_vector(0, 36, 0, 2, 0);
    claims.public_key = vsa_slice_of_text("key");
    appraise();
    assert_vector(0, 2, 0, 2, 0);
}

static void debug_mode(void **state)
{
    (void)state;
    debug();
    appraise();
    assert_vector(0, 96, 0, 2, 96);
    assert_reason(VSA_TIER_CONTRAINDICATED, VSA_ERR_DEBUG_MODE);
    name_images(0x10, 0x50);
    appraise();
    assert_vector(0, 96, 33, 2, 96);
}

/* Allowed, it is a warning, never affirming. */
static void debug_mode_allowed(void **state)
{
    (void)state;
    debug();
    rules.allow_debug = true;
    appraise();
    assert_vector(0, 32, 0, 2, 0);
    assert_reason(VSA_TIER_WARNING, VSA_ERR_DEBUG_MODE);
    set_pcr(&rules.platform, 8, 0x77);
    appraise();
    assert_vector(0, 36, 0, 2, 0);
}

static void not_genuine(void **state)
{
    (void)state;
    static const enum vsa_status statuses[] = {VSA_ERR_UNTRUSTED_ROOT, VSA_ERR_CHAIN,
                                               VSA_ERR_EXPIRED, VSA_ERR_SIGNATURE};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        vsa_appraise(statuses[i], NULL, &rules, &appraisal);
        for (size_t j = 0; j < VSA_TRUST_ENTRIES; j++)
            assert_int_equal(appraisal.vector[j], 99);
        assert_reason(VSA_TIER_CONTRAINDICATED, statuses[i]);
    }
}

static void tiers(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *name;
    } table[] = {
        {0, "none"},
        {1, "none"},
        {-1, "none"},
        {2, "affirming"},
        {31, "affirming"},
        {-2, "affirming"},
        {-32, "affirming"},
        {32, "warning"},
        {95, "warning"},
        {-33, "warning"},
        {-96, "warning"},
        {96, "contraindicated"},
        {127, "contraindicated"},
        {-97, "contraindicated"},
        {-128, "contraindicated"},
        {INT64_MIN, "contraindicated"},
        {INT64_MAX, "contraindicated"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_string_equal(vsa_trust_tier_name(vsa_trust_tier_of(table[i].value)), table[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(names_nothing, reset),
        cmocka_unit_test_setup(hardware_of_another_root, reset),
        cmocka_unit_test_setup(executables_match_one_entry, reset),
        cmocka_unit_test_setup(executables_match_no_entry, reset),
        cmocka_unit_test_setup(executables_match_in_all_pcrs, reset),
        cmocka_unit_test_setup(configuration_and_instance, reset),
        cmocka_unit_test_setup(missing_pcr_is_different, reset),
        cmocka_unit_test_setup(instance_by_its_id, reset),
        cmocka_unit_test_setup(user_data_and_public_key, reset),
        cmocka_unit_test_setup(debug_mode, reset),
        cmocka_unit_test_setup(debug_mode_allowed, reset),
        cmocka_unit_test_setup(not_genuine, reset),
        cmocka_unit_test(tiers),
    };
    return cmocka_run_group_tests_name("appraise", tests, NULL, NULL);
}
