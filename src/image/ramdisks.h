/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ramdisks of an image, in the layout of `nitro-cli build-enclave`: the first one boots
 * (PCR1), the second one is the application (PCR2). src/enclave_init/ is the other side of it.
 */
#ifndef VSA_IMAGE_RAMDISKS_H
#define VSA_IMAGE_RAMDISKS_H

#include "file/whole_file.h"
#include <vsattest/image.h>

/* Puts what an error is about before it: a file, or a recipe's member by enclave_image's option. */
enum vsa_status vsa_recipe_wrap(enum vsa_status status, const char *what, struct vsa_error *error);

/*
 * Makes a ramdisk. `archive` is the caller's. Errors: VSA_ERR_ARGUMENT, VSA_ERR_IO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_boot_ramdisk_make(const struct vsa_image_recipe *recipe,
                                                   struct vsa_whole_file *archive,
                                                   struct vsa_error *error);
VSA_MUST_USE enum vsa_status vsa_app_ramdisk_make(const struct vsa_image_recipe *recipe,
                                                  struct vsa_whole_file *archive,
                                                  struct vsa_error *error);

#endif
