/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "image/boot_file.h"

#define SIZE 0x206

static struct vsa_error error;

/* A file of zeros with `mark` at `offset`. */
static struct vsa_slice with_mark(size_t offset, const char *mark, size_t size)
{
    static uint8_t bytes[SIZE];
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes + offset, mark, size);
    return vsa_slice_of(bytes, sizeof(bytes));
}

static void kernels(void **state)
{
    (void)state;
    struct vsa_slice x86 = with_mark(0x202, "HdrS", 4);
    assert_int_equal(vsa_kernel_check(x86, VSA_IMAGE_X86_64, NULL), VSA_OK);
    assert_int_equal(vsa_kernel_check(x86, VSA_IMAGE_AARCH64, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "is a bzImage (x86_64); an image for aarch64 needs"));
    x86.size--;
    assert_int_equal(vsa_kernel_check(x86, VSA_IMAGE_X86_64, &error), VSA_ERR_ARGUMENT);
    struct vsa_slice arm = with_mark(0x38, "ARM\x64", 4);
    assert_int_equal(vsa_kernel_check(arm, VSA_IMAGE_AARCH64, NULL), VSA_OK);
    assert_int_equal(vsa_kernel_check(arm, VSA_IMAGE_X86_64, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "is an Image for aarch64; an image for x86_64 needs"));
}

static void what_is_no_kernel(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *name;
    } rows[] = {
        {"", 0, "no kernel"},
        {"\x7f"
         "ELF",
         4, "an ELF file (a vmlinux?)"},
        {"\x1f\x8b", 2, "compressed by gzip"},
        {"\xfd"
         "7zXZ\0",
         6, "compressed by xz"},
        {"\x28\xb5\x2f\xfd", 4, "compressed by zstd"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_slice file = with_mark(0, rows[i].bytes, rows[i].size);
        assert_int_equal(vsa_kernel_check(file, VSA_IMAGE_X86_64, &error), VSA_ERR_ARGUMENT);
        assert_non_null(strstr(error.detail, rows[i].name));
    }
    assert_int_equal(vsa_kernel_check(vsa_slice_of(NULL, 0), VSA_IMAGE_X86_64, &error),
                     VSA_ERR_ARGUMENT);
}

static void ramdisks(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum vsa_status expected;
    } rows[] = {
        {"070701", 6, VSA_OK},
        {"070702", 6, VSA_OK},
        {"\x1f\x8b", 2, VSA_OK},
        {"\xfd"
         "7zXZ\0",
         6, VSA_OK},
        {"\x28\xb5\x2f\xfd", 4, VSA_OK},
        {"BZh", 3, VSA_OK},
        {"07070", 5, VSA_ERR_ARGUMENT},
        {"070707", 6, VSA_ERR_ARGUMENT},
        {"\x1f", 1, VSA_ERR_ARGUMENT},
        {NULL, 0, VSA_ERR_ARGUMENT},
        {"\x7f"
         "ELF",
         4, VSA_ERR_ARGUMENT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (vsa_ramdisk_check(vsa_slice_of(rows[i].bytes, rows[i].size), &error) !=
            rows[i].expected)
            fail_msg("row %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels),
        cmocka_unit_test(what_is_no_kernel),
        cmocka_unit_test(ramdisks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
