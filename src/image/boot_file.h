/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is it a kernel, is it a ramdisk? An enclave with another kernel than its processor can boot runs,
 * says nothing and keeps its memory until it is terminated.
 */
#ifndef VSA_IMAGE_BOOT_FILE_H
#define VSA_IMAGE_BOOT_FILE_H

#include <vsattest/image.h>

/* Checks for a bzImage (x86_64) or an Image (aarch64). VSA_ERR_ARGUMENT says what it is instead. */
VSA_MUST_USE enum vsa_status vsa_kernel_check(struct vsa_slice kernel,
                                              enum vsa_image_architecture architecture,
                                              struct vsa_error *error);

/* Checks for a cpio archive, plain or in a compression that Linux unpacks. VSA_ERR_ARGUMENT. */
VSA_MUST_USE enum vsa_status vsa_ramdisk_check(struct vsa_slice ramdisk, struct vsa_error *error);

#endif
