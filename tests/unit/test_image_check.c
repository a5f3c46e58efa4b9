/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "image/check.h"

static struct vsa_error error;

/* "kcmrs": a kernel, a command line, metadata, a ramdisk, a signature, each with a byte. */
static struct vsa_image image_of(unsigned version, const char *letters)
{
    struct vsa_image image;
    vsa_image_init(&image);
    image.version = (uint16_t)version;
    for (; *letters; letters++) {
        enum vsa_image_section_type type = *letters == 'k'   ? VSA_IMAGE_KERNEL
                                           : *letters == 'c' ? VSA_IMAGE_CMDLINE
                                           : *letters == 'm' ? VSA_IMAGE_METADATA
                                           : *letters == 'r' ? VSA_IMAGE_RAMDISK
                                                             : VSA_IMAGE_SIGNATURE;
        assert_int_equal(vsa_image_add(&image, type, vsa_slice_of_text("x"), NULL), VSA_OK);
    }
    return image;
}

static void orders_and_counts(void **state)
{
    static const struct {
        unsigned version;
        const char *letters;
        const char *reason; /* NULL: taken */
    } rows[] = {
        {4, "kcmr", NULL},
        {4, "kcmrrrs", NULL},
        {4, "mkcrs", NULL},
        {3, "kcrs", NULL},
        {2, "kcr", NULL},
        {1, "kcr", "the header says version 1; known are 2 to 4"},
        {5, "kcmr", "the header says version 5; known are 2 to 4"},
        {4, "", "the kernel section is missing"},
        {4, "kmr", "the cmdline section is missing"},
        {4, "kcm", "the ramdisk section is missing"},
        {4, "kcr", "the metadata section is missing"},
        {4, "kkcmr", "section 1 (kernel) is one too many; there may be 1"},
        {4, "kcmmr", "section 3 (metadata) is one too many; there may be 1"},
        {4, "kcmrss", "section 5 (signature) is one too many; there may be 1"},
        {4, "ckmr", "section 1 (kernel) stands after the cmdline"},
        {4, "kcmsr", "section 4 (ramdisk) stands after the signature"},
        {2, "kcrs", "section 3 (signature) does not exist before version 3"},
        {3, "kcmr", "section 2 (metadata) does not exist before version 4"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_image image = image_of(rows[i].version, rows[i].letters);
        enum vsa_status status = vsa_image_check(&image, NULL, &error);
        if (status != (rows[i].reason ? VSA_ERR_IMAGE : VSA_OK) ||
            (rows[i].reason && !strstr(error.detail, rows[i].reason)))
            fail_msg("%s: status %d, '%s'", rows[i].letters, (int)status, error.detail);
    }
}

static void what_aws_tolerates(void **state)
{
    static const struct {
        const char *letters;
        unsigned deviations;
    } rows[] = {
        {"kcmrs", 0},
        {"ckmr", VSA_IMAGE_DEVIATES_ORDER},
        {"kcmrss", VSA_IMAGE_DEVIATES_SIGNATURES},
        {"kcm", VSA_IMAGE_DEVIATES_NO_RAMDISK},
        {"skcmrs", VSA_IMAGE_DEVIATES_ORDER | VSA_IMAGE_DEVIATES_SIGNATURES},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_image image = image_of(4, rows[i].letters);
        unsigned deviations = 0;
        assert_int_equal(vsa_image_check(&image, &deviations, &error), VSA_OK);
        assert_int_equal(deviations, rows[i].deviations);
    }
    struct vsa_image two = image_of(4, "kkcmr");
    unsigned deviations = 0;
    assert_int_equal(vsa_image_check(&two, &deviations, NULL), VSA_ERR_IMAGE);
}

static void sizes(void **state)
{
    static uint8_t large[VSA_MAX_IMAGE_METADATA + 1];
    static const struct {
        size_t section;
        size_t most;
    } rows[] = {
        {1, VSA_MAX_IMAGE_CMDLINE}, {2, VSA_MAX_IMAGE_METADATA}, {4, VSA_MAX_IMAGE_SIGNATURE}};
    (void)state;
    memset(large, 'x', sizeof(large));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_image image = image_of(4, "kcmrs");
        image.sections[rows[i].section].data = vsa_slice_of(large, rows[i].most);
        assert_int_equal(vsa_image_check(&image, NULL, &error), VSA_OK);
        image.sections[rows[i].section].data.size++;
        assert_int_equal(vsa_image_check(&image, NULL, &error), VSA_ERR_IMAGE);
        assert_non_null(strstr(error.detail, "; the most is "));
        image.sections[rows[i].section].data.size = 0;
        assert_int_equal(vsa_image_check(&image, NULL, &error), VSA_ERR_IMAGE);
        assert_non_null(strstr(error.detail, "is empty"));
    }
    struct vsa_image image = image_of(4, "kcmr");
    image.sections[1].data = vsa_slice_of("a\0b", 3);
    assert_int_equal(vsa_image_check(&image, NULL, &error), VSA_ERR_IMAGE);
    assert_string_equal(error.detail, "section 1 (cmdline) holds a NUL character");
    image.sections[1].type = (enum vsa_image_section_type)77;
    assert_int_equal(vsa_image_check(&image, NULL, &error), VSA_ERR_IMAGE);
    assert_string_equal(error.detail, "section 1 has type 77, which does not exist");
    image.section_count = VSA_MAX_IMAGE_SECTIONS + 1;
    assert_int_equal(vsa_image_check(&image, NULL, &error), VSA_ERR_IMAGE);
}

static void texts(void **state)
{
    char label[VSA_IMAGE_LABEL_SIZE];
    unsigned deviations = 1;
    (void)state;
    assert_string_equal(vsa_image_section_label(31, VSA_IMAGE_SIGNATURE, label),
                        "section 31 (signature)");
    assert_string_equal(vsa_image_section_label(0, UINT32_MAX, label), "section 0 (unknown)");
    assert_false(vsa_image_tolerate(NULL, VSA_IMAGE_DEVIATES_ORDER));
    assert_true(vsa_image_tolerate(&deviations, VSA_IMAGE_DEVIATES_ORDER));
    assert_int_equal(deviations, 3);
    for (unsigned bit = 1; bit <= VSA_IMAGE_DEVIATES_METADATA; bit *= 2)
        assert_string_not_equal(vsa_image_deviation_text((enum vsa_image_deviation)bit), "unknown");
    assert_string_equal(vsa_image_deviation_text((enum vsa_image_deviation)64), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_and_counts),
        cmocka_unit_test(what_aws_tolerates),
        cmocka_unit_test(sizes),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
