/* SPDX-License-Identifier: Apache-2.0 */
/* Signature checks that are collected and run later. */
#include "unit_test.h"

#include "crypto/signature_check.h"
#include "signature_lane.h"

static void one_check_on_each_curve(void **state)
{
    (void)state;
    for (enum vsa_curve curve = VSA_CURVE_P256; curve <= VSA_CURVE_P521; curve++) {
        struct lane lane;
        lane_set_up(&lane, curve, 1);
        lane_prepare(&lane);
        assert_int_equal(vsa_signature_check_run(&lane.check, NULL), VSA_OK);
        assert_true(lane.check.verified);
        lane.signature[5] ^= 1;
        lane_prepare(&lane);
        assert_int_equal(vsa_signature_check_run(&lane.check, NULL), VSA_ERR_SIGNATURE);
        assert_false(lane.check.verified);
        vsa_key_free(lane.key);
    }
}

static void a_signature_of_another_size(void **state)
{
    (void)state;
    struct lane lane;
    lane_set_up(&lane, VSA_CURVE_P384, 1);
    struct vsa_slice message = lane_message(&lane);
    for (size_t size = 0; size <= VSA_MAX_SIGNATURE_SIZE; size++)
        assert_int_equal(vsa_signature_check_prepare(lane.key, &message, 1,
                                                     vsa_slice_of(lane.signature, size),
                                                     &lane.check, NULL),
                         size == 96 ? VSA_OK : VSA_ERR_SIGNATURE);
    vsa_key_free(lane.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_check_on_each_curve),
        cmocka_unit_test(a_signature_of_another_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
