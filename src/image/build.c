/* SPDX-License-Identifier: Apache-2.0 */
/* An image from a recipe. The ramdisks of a program are made in ramdisks.c. */
#include "base/error.h"
#include "base/sized.h"
#include "image/boot_file.h"
#include "image/metadata.h"
#include "image/ramdisks.h"

/* As in nitro-cli's blobs. */
static const char cmdline_x86_64[] =
    "reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux i8042.nopnp "
    "i8042.dumbkbd random.trust_cpu=on";
static const char cmdline_aarch64[] =
    "reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on root=/dev/ram0";

struct vsa_built_image {
    struct vsa_image image;
    struct vsa_whole_file kernel;
    struct vsa_whole_file cmdline;
    struct vsa_whole_file metadata;
    struct vsa_whole_file ramdisks[VSA_MAX_IMAGE_SECTIONS];
    size_t ramdisk_count;
};

VSA_DEFINE_CLEANUP(struct vsa_built_image, vsa_built_image_free, cleanup_built_image);

VSA_SIZED_ASSERT(struct vsa_image_recipe, service_count);

void vsa_image_recipe_init_size(struct vsa_image_recipe *recipe, size_t size)
{
    static const struct vsa_image_recipe defaults = {.architecture = VSA_IMAGE_X86_64};
    vsa_sized_write(recipe, size, &defaults, sizeof(defaults));
}

struct vsa_image *vsa_built_image_get(struct vsa_built_image *built)
{
    return &built->image;
}

void vsa_built_image_free(struct vsa_built_image *built)
{
    if (!built)
        return;
    vsa_whole_file_close(&built->kernel);
    vsa_whole_file_close(&built->cmdline);
    vsa_whole_file_close(&built->metadata);
    for (size_t i = 0; i < built->ramdisk_count; i++)
        vsa_whole_file_close(&built->ramdisks[i]);
    free(built);
}

static enum vsa_status check_recipe(const struct vsa_image_recipe *recipe, struct vsa_error *error)
{
    const char *problem = NULL;
    if (!recipe->kernel)
        problem = "no kernel";
    else if (!recipe->program == !recipe->ramdisk_count)
        problem = "either a program or ramdisks, and one of them, make an image";
    else if (!recipe->program && (recipe->user || recipe->module_count))
        problem = "a user and kernel modules belong to an image of a program";
    else if (!recipe->program && (recipe->rootfs_count || recipe->service_count))
        problem = "file trees and services belong to an image of a program";
    else if (!recipe->user != !recipe->group)
        problem = "a program that does not run as root has a UID and a GID that are not 0";
    else if (recipe->user == UINT32_MAX || recipe->group == UINT32_MAX)
        problem = "4294967295 is neither a UID nor a GID";
    if (problem)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s", problem);
    if (recipe->ramdisk_count > VSA_MAX_IMAGE_SECTIONS)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%zu ramdisks: an image has at most %d sections",
                        recipe->ramdisk_count, VSA_MAX_IMAGE_SECTIONS);
    if (recipe->module_count > VSA_MAX_IMAGE_MODULES)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%zu kernel modules: an image has at most %d",
                        recipe->module_count, VSA_MAX_IMAGE_MODULES);
    return VSA_OK;
}

/* Opens a file of the recipe; `what` is the name of its member, and of enclave_image's option. */
static enum vsa_status open_part(const char *what, const char *path, struct vsa_whole_file *file,
                                 struct vsa_error *error)
{
    return vsa_recipe_wrap(vsa_whole_file_open(path, file, error), what, error);
}

static bool is_space(uint8_t byte)
{
    return byte && strchr(" \t\r\n", byte) != NULL;
}

/* Makes the command line. Trims it as nitro-cli does: files end with a line break. */
static enum vsa_status make_cmdline(const struct vsa_image_recipe *recipe,
                                    struct vsa_built_image *built, struct vsa_error *error)
{
    const char *standard =
        recipe->architecture == VSA_IMAGE_AARCH64 ? cmdline_aarch64 : cmdline_x86_64;
    struct vsa_slice text = vsa_slice_of_text(recipe->cmdline ? recipe->cmdline : standard);
    while (text.size && is_space(text.data[0]))
        text = vsa_slice_of(text.data + 1, text.size - 1);
    while (text.size && is_space(text.data[text.size - 1]))
        text.size--;
    built->cmdline.data = malloc(text.size + 1);
    if (!built->cmdline.data)
        return vsa_fail_memory(error);
    memcpy(built->cmdline.data, text.data, text.size);
    built->cmdline.size = text.size;
    return VSA_OK;
}

static enum vsa_status make_metadata(const struct vsa_image_recipe *recipe,
                                     struct vsa_built_image *built, struct vsa_error *error)
{
    if (recipe->metadata) {
        VSA_TRY(open_part("metadata", recipe->metadata, &built->metadata, error));
        if (built->metadata.size > VSA_MAX_IMAGE_METADATA)
            return vsa_fail(error, VSA_ERR_ARGUMENT, "%.120s has more than %d bytes",
                            recipe->metadata, VSA_MAX_IMAGE_METADATA);
        return vsa_recipe_wrap(vsa_metadata_check(vsa_whole_file_slice(&built->metadata), error),
                               recipe->metadata, error);
    }
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file config = {NULL, 0, false};
    if (recipe->kernel_config)
        VSA_TRY(open_part("kernel-config", recipe->kernel_config, &config, error));
    return vsa_metadata_make(recipe, vsa_whole_file_slice(&config), &built->metadata, error);
}

static enum vsa_status make_ramdisks(const struct vsa_image_recipe *recipe,
                                     struct vsa_built_image *built, struct vsa_error *error)
{
    if (recipe->program) {
        built->ramdisk_count = 2;
        VSA_TRY(vsa_boot_ramdisk_make(recipe, &built->ramdisks[0], error));
        return vsa_app_ramdisk_make(recipe, &built->ramdisks[1], error);
    }
    for (size_t i = 0; i < recipe->ramdisk_count; i++) {
        struct vsa_whole_file *ramdisk = &built->ramdisks[i];
        built->ramdisk_count = i + 1;
        VSA_TRY(open_part("ramdisk", recipe->ramdisks[i], ramdisk, error));
        VSA_TRY(vsa_recipe_wrap(vsa_ramdisk_check(vsa_whole_file_slice(ramdisk), error),
                                recipe->ramdisks[i], error));
    }
    return VSA_OK;
}

static enum vsa_status make_parts(const struct vsa_image_recipe *recipe,
                                  struct vsa_built_image *built, struct vsa_error *error)
{
    VSA_TRY(check_recipe(recipe, error));
    VSA_TRY(open_part("kernel", recipe->kernel, &built->kernel, error));
    VSA_TRY(vsa_recipe_wrap(
        vsa_kernel_check(vsa_whole_file_slice(&built->kernel), recipe->architecture, error),
        recipe->kernel, error));
    VSA_TRY(make_cmdline(recipe, built, error));
    VSA_TRY(make_metadata(recipe, built, error));
    return make_ramdisks(recipe, built, error);
}

/* Adds the sections in the order of AWS's builder. */
static enum vsa_status assemble(const struct vsa_image_recipe *recipe,
                                struct vsa_built_image *built, struct vsa_error *error)
{
    struct vsa_image *image = &built->image;
    vsa_image_init(image);
    image->architecture = recipe->architecture;
    VSA_TRY(vsa_image_add(image, VSA_IMAGE_KERNEL, vsa_whole_file_slice(&built->kernel), error));
    VSA_TRY(vsa_image_add(image, VSA_IMAGE_CMDLINE, vsa_whole_file_slice(&built->cmdline), error));
    VSA_TRY(
        vsa_image_add(image, VSA_IMAGE_METADATA, vsa_whole_file_slice(&built->metadata), error));
    for (size_t i = 0; i < built->ramdisk_count; i++)
        VSA_TRY(vsa_image_add(image, VSA_IMAGE_RAMDISK, vsa_whole_file_slice(&built->ramdisks[i]),
                              error));
    return VSA_OK;
}

enum vsa_status vsa_image_build(const struct vsa_image_recipe *recipe,
                                struct vsa_built_image **built, struct vsa_error *error)
{
    VSA_CLEANUP(cleanup_built_image) struct vsa_built_image *made = calloc(1, sizeof(*made));
    struct vsa_image_recipe known = {0};
    *built = NULL;
    if (!made)
        return vsa_fail_memory(error);
    VSA_TRY(vsa_sized_read(&known, sizeof(known), recipe, "a recipe", "vsa_image_recipe_init()",
                           error));
    VSA_TRY(make_parts(&known, made, error));
    VSA_TRY(assemble(&known, made, error));
    *built = made;
    made = NULL;
    return VSA_OK;
}
