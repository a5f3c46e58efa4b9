/* SPDX-License-Identifier: Apache-2.0 */
#include "signature_lane.h"

#include "unit_test.h"

#include <string.h>

const uint8_t lane_order[48] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
};

struct vsa_slice lane_message(const struct lane *lane)
{
    return vsa_slice_of(lane->message, sizeof(lane->message));
}

void lane_set_up(struct lane *lane, enum vsa_curve curve, uint8_t number)
{
    memset(lane, 0, sizeof(*lane));
    memset(lane->message, number, sizeof(lane->message));
    struct vsa_slice message = lane_message(lane);
    assert_int_equal(vsa_key_generate(curve, &lane->key, NULL), VSA_OK);
    assert_int_equal(vsa_key_sign(lane->key, &message, 1, lane->signature, NULL), VSA_OK);
}

void lane_prepare(struct lane *lane)
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
