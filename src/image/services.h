/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an image that enclave_init reads line by line; src/enclave_init/services.h. */
#ifndef VSA_IMAGE_SERVICES_H
#define VSA_IMAGE_SERVICES_H

#include "file/whole_file.h"
#include <vsattest/image.h>

/* Checks that each item fits on a line. Errors: VSA_ERR_ARGUMENT; `what` names the items. */
VSA_MUST_USE enum vsa_status vsa_image_check_lines(const char *what, const char *const *items,
                                                   size_t count, struct vsa_error *error);

/* Checks that each item fits on a line and is NAME=VALUE. Errors: VSA_ERR_ARGUMENT. */
VSA_MUST_USE enum vsa_status vsa_image_check_environment(const char *const *items, size_t count,
                                                         struct vsa_error *error);

/*
 * Writes the file /services. `text` is the caller's. Errors: VSA_ERR_ARGUMENT for what
 * enclave_init would refuse; VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_services_write(const struct vsa_image_service *services,
                                                size_t count, struct vsa_whole_file *text,
                                                struct vsa_error *error);

#endif
