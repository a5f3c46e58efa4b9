/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ramdisks of an image, in the layout of `nitro-cli build-enclave`: the first one boots
 * (PCR1), the second one is the application (PCR2). src/enclave_init/ is the other side of it.
 */
#ifndef VSA_PROGRAMS_ENCLAVE_IMAGE_RAMDISKS_H
#define VSA_PROGRAMS_ENCLAVE_IMAGE_RAMDISKS_H

#include "programs/files.h"
#include <vsattest/image.h>

struct image_application {
    const char *program; /* file on this machine; becomes /app/NAME */
    const char *const *arguments;
    size_t argument_count;
    const char *const *environment; /* "NAME=VALUE" */
    size_t environment_count;
    const char *const *files; /* "SOURCE:/DESTINATION" */
    size_t file_count;
    const char *init;       /* enclave_init, or NULL: the one installed with this program */
    const char *nsm_module; /* nsm.ko for kernels that do not have the driver built in, or NULL */
    enum vsa_image_architecture architecture;
};

/* Errors: VSA_ERR_ARGUMENT, VSA_ERR_IO, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status image_make_boot_ramdisk(const struct image_application *application,
                                                     struct file_bytes *archive,
                                                     struct vsa_error *error);
VSA_MUST_USE enum vsa_status image_make_app_ramdisk(const struct image_application *application,
                                                    struct file_bytes *archive,
                                                    struct vsa_error *error);

#endif
