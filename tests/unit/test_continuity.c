/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "attestation/continuity.h"
#include "base/slice.h"

static struct vsa_continuity continuity;
static struct vsa_claims claims;
static char module_id[VSA_MAX_MODULE_ID];

static int first(void **state)
{
    (void)state;
    struct vsa_claims_difference changes = {.pcrs = 1, .module_id = true};
    continuity = (struct vsa_continuity){0};
    claims = (struct vsa_claims){0};
    strcpy(module_id, "i-1-enc1");
    claims.module_id = vsa_slice_of_text(module_id);
    claims.pcrs.present = 0x0001001f;
    memset(claims.pcrs.value, 7, sizeof(claims.pcrs.value));
    assert_int_equal(vsa_continuity_check(&continuity, &claims, &changes, NULL), VSA_OK);
    assert_int_equal(changes.pcrs, 0);
    assert_false(changes.module_id);
    return 0;
}

static void the_same(void **state)
{
    (void)state;
    struct vsa_claims_difference changes = {.pcrs = 1};
    char other[] = "i-1-enc1";
    claims.module_id = vsa_slice_of_text(other);
    strcpy(module_id, "overwritten"); /* it was copied */
    assert_int_equal(vsa_continuity_check(&continuity, &claims, &changes, NULL), VSA_OK);
    assert_int_equal(changes.pcrs, 0);
    assert_false(changes.module_id);
}

static void started_anew(void **state)
{
    (void)state;
    struct vsa_claims_difference changes = {0};
    claims.module_id = vsa_slice_of_text("i-1-enc2");
    assert_int_equal(vsa_continuity_check(&continuity, &claims, &changes, NULL), VSA_OK);
    assert_true(changes.module_id);
    /* The first one is the measure, not the last. */
    claims.module_id = vsa_slice_of_text("i-1-enc1");
    assert_int_equal(vsa_continuity_check(&continuity, &claims, &changes, NULL), VSA_OK);
    assert_false(changes.module_id);
}

static void pcrs(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        struct vsa_claims_difference changes = {0};
        struct vsa_claims changed = claims;
        changed.pcrs.present ^= UINT32_C(1) << i;
        assert_int_equal(vsa_continuity_check(&continuity, &changed, &changes, NULL),
                         i < 16 ? VSA_ERR_PCR_MISMATCH : VSA_OK);
        assert_int_equal(changes.pcrs, UINT32_C(1) << i);
    }
    struct vsa_claims_difference changes = {0};
    claims.pcrs.value[3][47] ^= 1;
    assert_int_equal(vsa_continuity_check(&continuity, &claims, &changes, NULL),
                     VSA_ERR_PCR_MISMATCH);
    claims.pcrs.value[3][47] ^= 1;
    claims.pcrs.value[16][0] ^= 1;
    assert_int_equal(vsa_continuity_check(&continuity, &claims, &changes, NULL), VSA_OK);
    assert_int_equal(changes.pcrs, 1 << 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_same, first),
        cmocka_unit_test_setup(started_anew, first),
        cmocka_unit_test_setup(pcrs, first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
