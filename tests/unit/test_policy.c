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

/* --- measurements --- */

static struct vsa_measurements image_of(uint32_t present, int byte, size_t index)
{
    struct vsa_measurements image = {
        .pcrs = {.present = present}, .file = "h.json", .index = index};
    memset(image.pcrs.value, byte, sizeof(image.pcrs.value));
    return image;
}

static void measurements_must_make_sense(void **state)
{
    static const struct {
        const char *name;
        enum vsa_status status;
        const char *says;
        size_t count;
        uint32_t present;
        int byte;
    } rows[] = {
        {"good", VSA_OK, "", 2, 7, 2},
        {"one PCR of the image is enough", VSA_OK, "", 2, 4, 2},
        {"an empty list", VSA_ERR_POLICY_EMPTY, "empty list", 0, 7, 2},
        {"too many", VSA_ERR_TOO_MANY, "1024 at most", VSA_MAX_MEASUREMENTS + 1, 7, 2},
        {"no PCR", VSA_ERR_POLICY_EMPTY, "h.json[1]: no PCR", 2, 0, 2},
        {"none of the image's PCRs", VSA_ERR_POLICY_PCR, "h.json[1]: none of PCR0", 2, 0x118, 2},
        {"debug mode", VSA_ERR_POLICY_PCR, "h.json[1]: PCR0 expected to be all zero", 2, 7, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_policy policy;
        struct vsa_error error = {0};
        struct vsa_measurements images[2] = {image_of(7, 1, 0),
                                             image_of(rows[i].present, rows[i].byte, 1)};
        vsa_policy_init(&policy);
        policy.measurements = images;
        policy.measurement_count = rows[i].count;
        enum vsa_status status = vsa_policy_check(&policy, &error);
        if (status != rows[i].status || !strstr(error.detail, rows[i].says))
            fail_msg("%s: status %d, %s", rows[i].name, status, error.detail);
    }
}

static void a_count_without_measurements_is_a_slip(void **state)
{
    (void)state;
    struct vsa_policy policy;
    vsa_policy_init(&policy);
    policy.measurement_count = 1;
    assert_int_equal(vsa_policy_check(&policy, NULL), VSA_ERR_POLICY_EMPTY);
}

static void pcrs_may_be_required(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_error error = {0};
    struct vsa_measurements image = image_of(7, 1, 0);
    vsa_policy_init(&policy);
    assert_false(policy.require_pcrs);
    policy.require_pcrs = true;
    assert_int_equal(vsa_policy_check(&policy, &error), VSA_ERR_POLICY_EMPTY);
    assert_non_null(strstr(error.detail, "nothing to compare"));
    policy.measurements = &image;
    policy.measurement_count = 1;
    assert_int_equal(vsa_policy_check(&policy, NULL), VSA_OK);
    policy.measurements = NULL;
    policy.measurement_count = 0;
    policy.pcrs = image.pcrs;
    assert_int_equal(vsa_policy_check(&policy, NULL), VSA_OK);
}

/* Of the parent's role and instance, and of what a program measures itself, none says which. */
static void required_pcrs_are_of_the_image(void **state)
{
    (void)state;
    for (unsigned index = 0; index < VSA_PCR_COUNT; index++) {
        struct vsa_policy policy;
        struct vsa_error error = {0};
        struct vsa_measurements image = image_of(1u << index, 1, 0);
        bool enough = index <= 2 || index == 8;
        vsa_policy_init(&policy);
        policy.pcrs = image.pcrs;
        assert_int_equal(vsa_policy_check(&policy, NULL), VSA_OK);
        policy.require_pcrs = true;
        assert_int_equal(vsa_policy_check(&policy, &error), enough ? VSA_OK : VSA_ERR_POLICY_EMPTY);
        policy.pcrs.present = 0;
        policy.measurements = &image;
        policy.measurement_count = 1;
        assert_int_equal(vsa_policy_check(&policy, &error), enough ? VSA_OK : VSA_ERR_POLICY_EMPTY);
        if (!enough)
            assert_non_null(strstr(error.detail, "PCR0, 1, 2 or 8"));
    }
}

/* One image without PCR0 to 2 is what was asked for; among several it would match any. */
static void one_image_may_be_known_by_its_signer(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_measurements images[] = {image_of(1u << 8, 1, 0), image_of(7, 2, 1)};
    vsa_policy_init(&policy);
    policy.measurements = images;
    policy.measurement_count = 1;
    assert_int_equal(vsa_policy_check(&policy, NULL), VSA_OK);
    policy.measurement_count = 2;
    assert_int_equal(vsa_policy_check(&policy, NULL), VSA_ERR_POLICY_PCR);
}

static void pcrs_may_contradict_some_of_the_measurements(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_error error = {0};
    struct vsa_measurements images[] = {image_of(7, 1, 0), image_of(7, 2, 1)};
    vsa_policy_init(&policy);
    policy.measurements = images;
    policy.measurement_count = 2;
    assert_int_equal(vsa_policy_expect_pcr(&policy, 1, vsa_pcr_value(&images[1].pcrs, 1), NULL),
                     VSA_OK);
    assert_int_equal(vsa_policy_check(&policy, NULL), VSA_OK);
    policy.measurement_count = 1;
    assert_int_equal(vsa_policy_check(&policy, &error), VSA_ERR_POLICY_PCR);
    assert_string_equal(error.detail, "PCR1 expected with two different values");
}

static void match(const struct vsa_policy *policy, const struct vsa_pcrs *found,
                  enum vsa_status status, const struct vsa_measurements *image, const char *says)
{
    struct vsa_error error = {0};
    const struct vsa_measurements *matched = (const struct vsa_measurements *)&error;
    assert_int_equal(vsa_policy_match_pcrs(policy, found, &matched, &error), status);
    assert_ptr_equal(matched, image);
    if (!strstr(error.detail, says))
        fail_msg("%s", error.detail);
    assert_true(strlen(error.detail) < VSA_ERROR_DETAIL - 1);
}

static void any_one_image_matches_as_a_whole(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_measurements images[] = {image_of(7, 1, 0), image_of(7, 2, 1), image_of(3, 3, 2)};
    vsa_policy_init(&policy);
    policy.measurements = images;
    policy.measurement_count = 3;
    struct vsa_pcrs found = images[1].pcrs;
    found.present = 0xffff;
    match(&policy, &found, VSA_OK, &images[1], "");
    /* The last names two PCRs: the third may be anything. */
    memset(found.value, 3, (size_t)2 * VSA_PCR_SIZE);
    match(&policy, &found, VSA_OK, &images[2], "");
    /* Never mixed: PCR0 of one with PCR1 and PCR2 of another. */
    found = images[1].pcrs;
    memset(found.value[0], 1, VSA_PCR_SIZE);
    match(&policy, &found, VSA_ERR_PCR_MISMATCH, NULL,
          "none of 3 measurements matches; in the closest, h.json[1], PCR0 differs: another image");
    /* None is close. */
    memset(found.value, 9, sizeof(found.value));
    match(&policy, &found, VSA_ERR_PCR_MISMATCH, NULL, "none of 3 measurements matches, in no PCR");
    /* Expected PCRs hold besides. */
    found = images[1].pcrs;
    policy.pcrs = (struct vsa_pcrs){.present = 1u << 3};
    memset(policy.pcrs.value[3], 5, VSA_PCR_SIZE);
    match(&policy, &found, VSA_ERR_PCR_MISSING, NULL, "PCR3 is expected but not in the document");
    found.present |= 1u << 3;
    match(&policy, &found, VSA_ERR_PCR_MISMATCH, NULL, "another IAM role");
    memset(found.value[3], 5, VSA_PCR_SIZE);
    match(&policy, &found, VSA_OK, &images[1], "");
}

static void a_single_image_names_all_that_differs(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_measurements image = image_of(0x10f, 0x11, VSA_NO_INDEX);
    struct vsa_pcrs found = image.pcrs;
    vsa_policy_init(&policy);
    policy.measurements = &image;
    policy.measurement_count = 1;
    match(&policy, &found, VSA_OK, &image, "");
    memset(found.value[0], 0x22, VSA_PCR_SIZE);
    memset(found.value[2], 0x22, VSA_PCR_SIZE);
    match(
        &policy, &found, VSA_ERR_PCR_MISMATCH, NULL,
        "PCR0 and PCR2 differ; PCR0 is 2222222222222222..., expected 1111111111111111...: another "
        "image or build: start the one that was measured, or audit and measure the one that runs");
    found = image.pcrs;
    found.value[8][47] = 0;
    match(&policy, &found, VSA_ERR_PCR_MISMATCH, NULL,
          "PCR8 differs; PCR8 is ...00..., expected ...11...: signed by another key");
    found.present &= ~(1u << 1);
    match(&policy, &found, VSA_ERR_PCR_MISMATCH, NULL, "PCR1 and PCR8 differ; PCR8 is");
    found.value[8][47] = 0x11;
    match(&policy, &found, VSA_ERR_PCR_MISSING, NULL, "PCR1 is expected but not in the document");
    image = image_of(UINT32_MAX, 0x11, VSA_NO_INDEX);
    memset(found.value, 0x22, sizeof(found.value));
    found.present = UINT32_MAX;
    match(&policy, &found, VSA_ERR_PCR_MISMATCH, NULL,
          "PCR0, PCR1, PCR2, PCR3 and 28 more differ; PCR0 is");
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
        cmocka_unit_test(measurements_must_make_sense),
        cmocka_unit_test(a_count_without_measurements_is_a_slip),
        cmocka_unit_test(pcrs_may_be_required),
        cmocka_unit_test(required_pcrs_are_of_the_image),
        cmocka_unit_test(one_image_may_be_known_by_its_signer),
        cmocka_unit_test(pcrs_may_contradict_some_of_the_measurements),
        cmocka_unit_test(any_one_image_matches_as_a_whole),
        cmocka_unit_test(a_single_image_names_all_that_differs),
        cmocka_unit_test(debug_mode_is_pcr0_all_zero),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
