/* SPDX-License-Identifier: Apache-2.0 */
/* Making a policy. What it does to documents is in the rows of test_mutations_policy.c. */
#include "unit_test.h"

#include <string.h>

#include "attestation/policy.h"

static void defaults(void **state)
{
    (void)state;
    struct vsa_policy policy;
    memset(&policy, 0xa5, sizeof(policy));
    vsa_policy_init(&policy);
    assert_int_equal(policy.max_age_ms, 300000);
    assert_int_equal(policy.max_skew_ms, 30000);
    assert_false(policy.allow_debug);
    assert_null(policy.nonce.data);
    assert_null(policy.user_data.data);
    assert_null(policy.public_key.data);
    assert_null(policy.instance.data);
    assert_int_equal(policy.pcrs.present, 0);
    assert_int_equal(vsa_policy_check(&policy, NULL), VSA_OK);
}

static void expected_pcrs(void **state)
{
    (void)state;
    struct vsa_policy policy;
    uint8_t value[VSA_PCR_SIZE];
    vsa_policy_init(&policy);
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        memset(value, (int)(i + 1), sizeof(value));
        assert_int_equal(vsa_policy_expect_pcr(&policy, i, vsa_slice_of(value, 48), NULL), VSA_OK);
        assert_true(policy.pcrs.present == (uint32_t)((UINT64_C(2) << i) - 1));
        assert_memory_equal(policy.pcrs.value[i], value, 48);
        /* The same again is fine; another value is a contradiction, and changes nothing. */
        assert_int_equal(vsa_policy_expect_pcr(&policy, i, vsa_slice_of(value, 48), NULL), VSA_OK);
        value[47] ^= 1;
        assert_int_equal(vsa_policy_expect_pcr(&policy, i, vsa_slice_of(value, 48), NULL),
                         VSA_ERR_POLICY_PCR);
        value[47] ^= 1;
        assert_memory_equal(policy.pcrs.value[i], value, 48);
    }
    assert_int_equal(vsa_policy_check(&policy, NULL), VSA_OK);
}

static void unknown_indexes(void **state)
{
    static const unsigned indexes[] = {32, 33, 64, 255, 256, 1u << 31, UINT32_MAX};
    (void)state;
    struct vsa_policy policy;
    uint8_t value[VSA_PCR_SIZE] = {1};
    vsa_policy_init(&policy);
    for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++)
        assert_int_equal(vsa_policy_expect_pcr(&policy, indexes[i], vsa_slice_of(value, 48), NULL),
                         VSA_ERR_POLICY_PCR);
    assert_int_equal(policy.pcrs.present, 0);
}

static void wrong_sizes_and_zeros(void **state)
{
    static const size_t sizes[] = {0, 1, 32, 47, 49, 64};
    (void)state;
    struct vsa_policy policy;
    uint8_t value[64];
    static const uint8_t zeros[48];
    vsa_policy_init(&policy);
    memset(value, 1, sizeof(value));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_int_equal(vsa_policy_expect_pcr(&policy, 0, vsa_slice_of(value, sizes[i]), NULL),
                         VSA_ERR_POLICY_PCR);
    assert_int_equal(vsa_policy_expect_pcr(&policy, 0, vsa_slice_of(NULL, 0), NULL),
                     VSA_ERR_POLICY_PCR);
    /* Zeros where they prove nothing; a PCR3 without a role is honestly zero. */
    const uint32_t refused = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8;
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        assert_int_equal(vsa_policy_expect_pcr(&policy, i, vsa_slice_of(zeros, 48), NULL),
                         refused & 1u << i ? VSA_ERR_POLICY_PCR : VSA_OK);
    assert_int_equal(policy.pcrs.present, ~refused);
}

static void debug_mode_is_pcr0_all_zero(void **state)
{
    (void)state;
    struct vsa_pcrs pcrs = {.present = 0xffff};
    memset(pcrs.value[3], 1, 48);
    assert_true(vsa_pcrs_show_debug_mode(&pcrs));
    for (size_t bit = 0; bit < 384; bit++) {
        pcrs.value[0][bit / 8] = (uint8_t)(1 << bit % 8);
        assert_false(vsa_pcrs_show_debug_mode(&pcrs));
        pcrs.value[0][bit / 8] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(expected_pcrs),
        cmocka_unit_test(unknown_indexes),
        cmocka_unit_test(wrong_sizes_and_zeros),
        cmocka_unit_test(debug_mode_is_pcr0_all_zero),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
