/* SPDX-License-Identifier: Apache-2.0 */
#include "signature_lane.h"

#include "unit_test.h"

#include <string.h>

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
