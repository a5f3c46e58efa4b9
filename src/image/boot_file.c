/* SPDX-License-Identifier: Apache-2.0 */
#include "image/boot_file.h"

#include "base/error.h"

/* linux Documentation/arch/x86/boot.rst, arch/arm64/booting.rst */
static const char rule_kernel[] = "linux, boot protocols";
/* linux lib/decompress.c, init/initramfs.c */
static const char rule_ramdisk[] = "linux, initramfs buffer format";

struct mark {
    const char *name;
    size_t offset;
    size_t size;
    const char *bytes;
};

static const struct mark bzimage = {"a bzImage (x86_64)", 0x202, 4, "HdrS"};
static const struct mark arm64_image = {"an Image for aarch64", 0x38, 4, "ARM\x64"};
static const struct mark elf = {"an ELF file (a vmlinux?)", 0, 4,
                                "\x7f"
                                "ELF"};

static const struct mark compressions[] = {
    {"compressed by gzip", 0, 2, "\x1f\x8b"},
    {"compressed by xz", 0, 6,
     "\xfd"
     "7zXZ\0"},
    {"compressed by zstd", 0, 4, "\x28\xb5\x2f\xfd"},
    {"compressed by lz4", 0, 4, "\x02\x21\x4c\x18"}, /* legacy frames: what the kernel reads */
    {"compressed by bzip2", 0, 3, "BZh"},
    {"compressed by lzma", 0, 3, "\x5d\0\0"},
    {"compressed by lzo", 0, 4, "\x89LZO"},
};

#define COMPRESSIONS (sizeof(compressions) / sizeof(compressions[0]))

static bool has_mark(struct vsa_slice bytes, const struct mark *mark)
{
    return bytes.size >= mark->offset + mark->size &&
           memcmp(bytes.data + mark->offset, mark->bytes, mark->size) == 0;
}

static const char *name_what_it_is(struct vsa_slice kernel)
{
    if (has_mark(kernel, &bzimage))
        return bzimage.name;
    if (has_mark(kernel, &arm64_image))
        return arm64_image.name;
    if (has_mark(kernel, &elf))
        return elf.name;
    for (size_t i = 0; i < COMPRESSIONS; i++)
        if (has_mark(kernel, &compressions[i]))
            return compressions[i].name;
    return "no kernel";
}

enum vsa_status vsa_kernel_check(struct vsa_slice kernel, enum vsa_image_architecture architecture,
                                 struct vsa_error *error)
{
    bool aarch64 = architecture == VSA_IMAGE_AARCH64;
    if (has_mark(kernel, aarch64 ? &arm64_image : &bzimage))
        return VSA_OK;
    return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, rule_kernel,
                       "the kernel is %s; an image for %s needs %s", name_what_it_is(kernel),
                       aarch64 ? "aarch64" : "x86_64",
                       aarch64 ? "arch/arm64/boot/Image of the kernel's build, not compressed"
                               : "arch/x86/boot/bzImage of the kernel's build");
}

enum vsa_status vsa_ramdisk_check(struct vsa_slice ramdisk, struct vsa_error *error)
{
    static const struct mark archives[] = {{"", 0, 6, "070701"}, {"", 0, 6, "070702"}};
    for (size_t i = 0; i < 2; i++)
        if (has_mark(ramdisk, &archives[i]))
            return VSA_OK;
    for (size_t i = 0; i < COMPRESSIONS; i++)
        if (has_mark(ramdisk, &compressions[i]))
            return VSA_OK;
    return vsa_fail_at(
        error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, rule_ramdisk,
        "is neither a cpio archive (cpio -o -H newc) nor one compressed by gzip, xz, "
        "zstd, lz4, bzip2, lzma or lzo");
}
