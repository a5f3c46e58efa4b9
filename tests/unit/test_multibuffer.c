/* SPDX-License-Identifier: Apache-2.0 */
/* Signature checks, eight at a time, in builds that have crypto_mb. */
#include "unit_test.h"

#include <string.h>

#include "crypto/multibuffer.h"
#include "signature_lane.h"
#include "slow_tool.h"

#define LANES VSA_MULTIBUFFER_LANES

static void need_lanes(void)
{
    if (!vsa_multibuffer_available())
        SKIP_BECAUSE("this CPU has no AVX-512 IFMA");
}

static void make_lanes(struct lane *lanes, size_t count)
{
    need_lanes();
    for (size_t i = 0; i < count; i++)
        lane_set_up(&lanes[i], VSA_CURVE_P384, (uint8_t)i);
}

static void free_lanes(struct lane *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        vsa_key_free(lanes[i].key);
}

/* Whatever eight at a time marks as verified is good, and what it leaves is found out singly. */
static void run_together(struct lane *lanes, size_t count, const bool *good)
{
    struct vsa_multibuffer multibuffer = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        lane_prepare(&lanes[i]);
        vsa_multibuffer_add(&multibuffer, &lanes[i].check);
    }
    vsa_multibuffer_finish(&multibuffer);
    for (size_t i = 0; i < count; i++) {
        bool full = i / LANES < count / LANES;
        if (!good[i])
            assert_false(lanes[i].check.verified);
        else if (full)
            assert_true(lanes[i].check.verified);
        assert_int_equal(vsa_signature_check_run(&lanes[i].check, NULL),
                         good[i] ? VSA_OK : VSA_ERR_SIGNATURE);
    }
}

static void every_subset_of_bad_lanes(void **state)
{
    (void)state;
    struct lane lanes[LANES];
    make_lanes(lanes, LANES);
    for (unsigned subset = 0; subset < 1u << LANES; subset += slow_tool_step() == 1 ? 1 : 37) {
        bool good[LANES];
        for (unsigned i = 0; i < LANES; i++) {
            good[i] = !(subset & 1u << i);
            lanes[i].signature[i * 11] ^= good[i] ? 0 : 0x40;
        }
        run_together(lanes, LANES, good);
        for (unsigned i = 0; i < LANES; i++)
            lanes[i].signature[i * 11] ^= good[i] ? 0 : 0x40;
    }
    free_lanes(lanes, LANES);
}

/* Another curve's check is left, and moves none of the others to another lane. */
static void other_curves_in_between(void **state)
{
    (void)state;
    struct vsa_multibuffer multibuffer = {.count = 0};
    struct lane lanes[2 * LANES];
    need_lanes();
    for (uint8_t i = 0; i < 2 * LANES; i++) {
        enum vsa_curve other = i % 4 == 1 ? VSA_CURVE_P256 : VSA_CURVE_P521;
        lane_set_up(&lanes[i], i % 2 ? other : VSA_CURVE_P384, i);
        lane_prepare(&lanes[i]);
        vsa_multibuffer_add(&multibuffer, &lanes[i].check);
    }
    vsa_multibuffer_finish(&multibuffer);
    for (size_t i = 0; i < 2 * LANES; i++) {
        assert_int_equal(lanes[i].check.verified, i % 2 == 0);
        assert_int_equal(vsa_signature_check_run(&lanes[i].check, NULL), VSA_OK);
        vsa_key_free(lanes[i].key);
    }
}

/* A signature of one lane is not good for the key or the message of another. */
static void lanes_are_not_exchanged(void **state)
{
    (void)state;
    struct lane lanes[LANES];
    struct lane own[LANES];
    make_lanes(lanes, LANES);
    for (size_t i = 0; i < LANES; i++)
        lane_prepare(&lanes[i]);
    memcpy(own, lanes, sizeof(own));
    for (size_t i = 0; i < LANES; i++) {
        struct vsa_multibuffer multibuffer = {.count = 0};
        for (size_t k = 0; k < LANES; k++) {
            struct vsa_signature_check *check = &lanes[k].check;
            const struct vsa_signature_check *other = &own[(k + i) % LANES].check;
            *check = own[k].check;
            if (k % 3 == 0)
                check->key = other->key;
            else if (k % 3 == 1)
                memcpy(check->signature, other->signature, sizeof(check->signature));
            else
                memcpy(check->digest, other->digest, sizeof(check->digest));
            vsa_multibuffer_add(&multibuffer, check);
        }
        vsa_multibuffer_finish(&multibuffer);
        for (size_t k = 0; k < LANES; k++)
            assert_int_equal(lanes[k].check.verified, i == 0);
    }
    free_lanes(lanes, LANES);
}

static void any_number(void **state)
{
    (void)state;
    struct lane lanes[2 * LANES + 1];
    bool good[2 * LANES + 1];
    make_lanes(lanes, 2 * LANES + 1);
    for (size_t i = 0; i < 2 * LANES + 1; i++) {
        good[i] = i % 5 != 3;
        lanes[i].signature[50] ^= good[i] ? 0 : 1;
    }
    for (size_t count = 0; count <= 2 * LANES + 1; count++)
        run_together(lanes, count, good);
    free_lanes(lanes, 2 * LANES + 1);
}

/* r and s of zero, of n and beyond: no value that arithmetic modulo n would take for another. */
static void numbers_out_of_range(void **state)
{
    (void)state;
    struct lane lanes[LANES];
    bool good[LANES] = {false, false, false, false, false, false, true, true};
    make_lanes(lanes, LANES);
    memset(lanes[0].signature, 0, 48);
    memset(lanes[1].signature + 48, 0, 48);
    memcpy(lanes[2].signature, lane_order, 48);
    memcpy(lanes[3].signature + 48, lane_order, 48);
    memset(lanes[4].signature, 0xff, 96);
    memset(lanes[5].signature, 0, 96);
    run_together(lanes, LANES, good);
    free_lanes(lanes, LANES);
}

/* A digest that is 0 or n, which crypto_mb refuses: the single check decides. */
static void digests_of_every_value(void **state)
{
    (void)state;
    struct lane lanes[LANES];
    struct vsa_multibuffer multibuffer = {.count = 0};
    make_lanes(lanes, LANES);
    for (size_t i = 0; i < LANES; i++) {
        lane_prepare(&lanes[i]);
        memset(lanes[i].check.digest, i % 2 ? 0xff : 0, VSA_MAX_SIGNED_DIGEST);
        vsa_multibuffer_add(&multibuffer, &lanes[i].check);
    }
    vsa_multibuffer_finish(&multibuffer);
    for (size_t i = 0; i < LANES; i++) {
        assert_false(lanes[i].check.verified);
        assert_int_equal(vsa_signature_check_run(&lanes[i].check, NULL), VSA_ERR_SIGNATURE);
    }
    free_lanes(lanes, LANES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_subset_of_bad_lanes), cmocka_unit_test(other_curves_in_between),
        cmocka_unit_test(lanes_are_not_exchanged),   cmocka_unit_test(any_number),
        cmocka_unit_test(numbers_out_of_range),      cmocka_unit_test(digests_of_every_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
