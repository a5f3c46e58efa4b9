/* SPDX-License-Identifier: Apache-2.0 */
#include <vsattest/key.h>

#include "crypto/key.h"
#include "unit_test.h"

static void halves_belong_together(void **state)
{
    (void)state;
    struct vsa_key_pair pair;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    uint8_t spki_buffer[VSA_P384_SPKI_SIZE];
    struct vsa_slice spki;
    assert_int_equal(vsa_key_pair_generate(&pair, NULL), VSA_OK);
    assert_in_range(pair.private_key_size, 100, VSA_MAX_PRIVATE_KEY);
    struct vsa_slice der = vsa_slice_of(pair.private_key, pair.private_key_size);
    assert_int_equal(vsa_key_read_private(der, &key, NULL), VSA_OK);
    assert_int_equal(vsa_key_curve(key), VSA_CURVE_P384);
    assert_int_equal(vsa_key_write_public(key, spki_buffer, sizeof(spki_buffer), &spki, NULL),
                     VSA_OK);
    assert_int_equal(spki.size, sizeof(pair.public_key));
    assert_memory_equal(spki.data, pair.public_key, spki.size);
}

static void every_pair_is_new(void **state)
{
    (void)state;
    struct vsa_key_pair one;
    struct vsa_key_pair other;
    assert_int_equal(vsa_key_pair_generate(&one, NULL), VSA_OK);
    assert_int_equal(vsa_key_pair_generate(&other, NULL), VSA_OK);
    assert_memory_not_equal(one.public_key, other.public_key, sizeof(one.public_key));
}

static void wiped_is_zero(void **state)
{
    (void)state;
    static const struct vsa_key_pair zero;
    struct vsa_key_pair pair;
    assert_int_equal(vsa_key_pair_generate(&pair, NULL), VSA_OK);
    vsa_key_pair_wipe(&pair);
    assert_memory_equal(&pair, &zero, sizeof(pair));
    vsa_key_pair_wipe(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_belong_together),
        cmocka_unit_test(every_pair_is_new),
        cmocka_unit_test(wiped_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
