/* SPDX-License-Identifier: Apache-2.0 */
/* Signature checks that are collected and run later. */
#include "unit_test.h"

#include <string.h>

#include "crypto/signature_check.h"

struct lane {
    struct vsa_key *key;
    uint8_t message[40];
    uint8_t signature[VSA_MAX_SIGNATURE_SIZE];
    struct vsa_signature_check check;
};

static struct vsa_slice message_of(const struct lane *lane)
{
    return vsa_slice_of(lane->message, sizeof(lane->message));
}

static void set_up(struct lane *lane, enum vsa_curve curve, uint8_t number)
{
    memset(lane, 0, sizeof(*lane));
    memset(lane->message, number, sizeof(lane->message));
    struct vsa_slice message = message_of(lane);
    assert_int_equal(vsa_key_generate(curve, &lane->key, NULL), VSA_OK);
    assert_int_equal(vsa_key_sign(lane->key, &message, 1, lane->signature, NULL), VSA_OK);
}

static void prepare(struct lane *lane)
{
    struct vsa_slice parts[2] = {vsa_slice_of(lane->message, 7),
                                 vsa_slice_of(lane->message + 7, sizeof(lane->message) - 7)};
    size_t size = vsa_curve_signature_size(vsa_key_curve(lane->key));
    memset(&lane->check, 0xa5, sizeof(lane->check));
    assert_int_equal(vsa_signature_check_prepare(lane->key, parts, 2,
                                                 vsa_slice_of(lane->signature, size), &lane->check,
                                                 NULL),
                     VSA_OK);
    assert_false(lane->check.verified);
}

static void one_check_on_each_curve(void **state)
{
    (void)state;
    for (enum vsa_curve curve = VSA_CURVE_P256; curve <= VSA_CURVE_P521; curve++) {
        struct lane lane;
        set_up(&lane, curve, 1);
        prepare(&lane);
        assert_int_equal(vsa_signature_check_run(&lane.check, NULL), VSA_OK);
        assert_true(lane.check.verified);
        lane.signature[5] ^= 1;
        prepare(&lane);
        assert_int_equal(vsa_signature_check_run(&lane.check, NULL), VSA_ERR_SIGNATURE);
        assert_false(lane.check.verified);
        vsa_key_free(lane.key);
    }
}

static void a_signature_of_another_size(void **state)
{
    (void)state;
    struct lane lane;
    set_up(&lane, VSA_CURVE_P384, 1);
    struct vsa_slice message = message_of(&lane);
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
