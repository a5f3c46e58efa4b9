/* SPDX-License-Identifier: Apache-2.0 */
/* Signature checks that are collected and run later. */
#include "unit_test.h"

#include <string.h>

#include "crypto/signature_check.h"
#include "failing_libcrypto.h"
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

/* r and s of zero, of n and beyond: no value that arithmetic modulo n would take for another. */
static void numbers_out_of_range(void **state)
{
    (void)state;
    static const uint8_t zero[48];
    uint8_t ones[48];
    const uint8_t *const numbers[] = {lane_order, zero, ones};
    struct lane lane;
    memset(ones, 0xff, sizeof(ones));
    lane_set_up(&lane, VSA_CURVE_P384, 1);
    for (size_t i = 0; i < 3 * 3; i++) {
        uint8_t genuine[VSA_MAX_SIGNATURE_SIZE];
        memcpy(genuine, lane.signature, sizeof(genuine));
        if (i % 3 != 1) /* r, s, both */
            memcpy(lane.signature, numbers[i / 3], 48);
        if (i % 3 != 0)
            memcpy(lane.signature + 48, numbers[i / 3], 48);
        lane_prepare(&lane);
        assert_int_equal(vsa_signature_check_run(&lane.check, NULL), VSA_ERR_SIGNATURE);
        assert_false(lane.check.verified);
        memcpy(lane.signature, genuine, sizeof(genuine));
    }
    lane_prepare(&lane);
    assert_int_equal(vsa_signature_check_run(&lane.check, NULL), VSA_OK);
    vsa_key_free(lane.key);
}

static bool libcrypto_can_fail;

/* Checks with each allocation of libcrypto's failing in turn: none makes a signature a bad one. */
static void check_without_memory(const struct lane *lane, size_t size, bool only_one)
{
    bool failed = true;
    for (int after = 0; failed; after++) {
        struct vsa_slice message = lane_message(lane);
        assert_in_range(after, 0, 2000);
        failing_libcrypto_after(after, only_one);
        enum vsa_status status =
            vsa_key_verify(lane->key, &message, 1, vsa_slice_of(lane->signature, size), NULL);
        failed = failing_libcrypto_end();
        if (status != VSA_OK)
            assert_int_equal(status, VSA_ERR_CRYPTO);
        assert_true(failed || status == VSA_OK);
    }
}

/* Reads a public key with each allocation failing in turn. */
static void read_without_memory(const struct vsa_key *key, bool only_one)
{
    uint8_t buffer[256];
    struct vsa_slice spki;
    bool failed = true;
    assert_int_equal(vsa_key_write_public(key, buffer, sizeof(buffer), &spki, NULL), VSA_OK);
    for (int after = 0; failed; after++) {
        VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *read = NULL;
        assert_in_range(after, 0, 2000);
        failing_libcrypto_after(after, only_one);
        enum vsa_status status = vsa_key_read_public(spki, &read, NULL);
        failed = failing_libcrypto_end();
        if (status != VSA_OK)
            assert_int_equal(status, VSA_ERR_CRYPTO);
        assert_true(failed || status == VSA_OK);
    }
}

static void memory_is_short(void **state)
{
    (void)state;
    if (!libcrypto_can_fail)
        SKIP_BECAUSE("libcrypto keeps its memory, or crashes without");
    for (enum vsa_curve curve = VSA_CURVE_P256; curve <= VSA_CURVE_P521; curve++)
        for (int only_one = 0; only_one < 2; only_one++) {
            struct lane lane;
            lane_set_up(&lane, curve, 1);
            check_without_memory(&lane, vsa_curve_signature_size(curve), only_one);
            read_without_memory(lane.key, only_one);
            vsa_key_free(lane.key);
        }
}

int main(void)
{
    libcrypto_can_fail = failing_libcrypto_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_check_on_each_curve),
        cmocka_unit_test(a_signature_of_another_size),
        cmocka_unit_test(numbers_out_of_range),
        cmocka_unit_test(memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
