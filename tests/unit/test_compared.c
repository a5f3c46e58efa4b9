/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "verifierd/compared.h"

static struct vsa_measurements images[2];
static struct vsa_appraisal_rules rules;
static struct vsa_appraisal appraisal;
static struct vsa_pcrs found;

static void set_pcr(struct vsa_pcrs *pcrs, unsigned index, uint8_t fill)
{
    pcrs->present |= UINT32_C(1) << index;
    memset(pcrs->value[index], fill, VSA_PCR_SIZE);
}

/* PCR0, 1 and 8 are there; the images name PCR0 and PCR1 with values of their own. */
static int reset(void **state)
{
    (void)state;
    memset(images, 0, sizeof(images));
    rules = (struct vsa_appraisal_rules){.images = images, .image_count = 2};
    appraisal = (struct vsa_appraisal){0};
    found = (struct vsa_pcrs){0};
    for (unsigned i = 0; i < 2; i++) {
        set_pcr(&images[0].pcrs, i, (uint8_t)(0x10 + i));
        set_pcr(&images[1].pcrs, i, (uint8_t)(0x20 + i));
        set_pcr(&found, i, (uint8_t)(0x10 + i));
    }
    set_pcr(&found, 8, 0x88);
    return 0;
}

static void assert_compared(const char *expected)
{
    json_t *value = vsa_compared_pcrs_to_json(&rules, &appraisal, &found);
    assert_non_null(value);
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, expected);
    free(text);
    json_decref(value);
}

static void nothing_is_named(void **state)
{
    (void)state;
    rules = (struct vsa_appraisal_rules){0};
    assert_compared("{}");
}

static void image_that_matched(void **state)
{
    (void)state;
    appraisal.image = &images[0];
    assert_compared("{\"0\":true,\"1\":true}");
}

/* PCR8 is named by another image than the one that matched: it was not compared. */
static void only_of_the_image_that_matched(void **state)
{
    (void)state;
    set_pcr(&images[1].pcrs, 8, 0x99);
    appraisal.image = &images[0];
    assert_compared("{\"0\":true,\"1\":true}");
    appraisal.image = NULL;
    assert_compared("{\"0\":true,\"1\":true,\"8\":false}");
}

static void no_image_matched(void **state)
{
    (void)state;
    set_pcr(&found, 1, 0x99);
    assert_compared("{\"0\":true,\"1\":false}");
    set_pcr(&found, 0, 0x20);
    assert_compared("{\"0\":true,\"1\":false}");
    found.present = 0;
    assert_compared("{\"0\":false,\"1\":false}");
}

static void platform(void **state)
{
    (void)state;
    rules.image_count = 0;
    set_pcr(&rules.platform, 8, 0x88);
    set_pcr(&rules.platform, 4, 0);
    assert_compared("{\"4\":false,\"8\":true}");
}

/* Image and platform name the same one: both must be so. */
static void both(void **state)
{
    (void)state;
    appraisal.image = &images[0];
    set_pcr(&rules.platform, 0, 0x77);
    assert_compared("{\"0\":false,\"1\":true}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_is_named, reset),
        cmocka_unit_test_setup(image_that_matched, reset),
        cmocka_unit_test_setup(only_of_the_image_that_matched, reset),
        cmocka_unit_test_setup(no_image_matched, reset),
        cmocka_unit_test_setup(platform, reset),
        cmocka_unit_test_setup(both, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
