/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata section: JSON, in no register (AWS EIF, src/utils/identity.rs). */
#ifndef VSA_IMAGE_METADATA_H
#define VSA_IMAGE_METADATA_H

#include <jansson.h>

#include "file/whole_file.h"
#include <vsattest/image.h>

/*
 * Makes the section that nitro-cli would write. `kernel_config` may be absent. `bytes` is the
 * caller's. Errors: VSA_ERR_ARGUMENT, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_metadata_make(const struct vsa_image_recipe *recipe,
                                               struct vsa_slice kernel_config,
                                               struct vsa_whole_file *bytes,
                                               struct vsa_error *error);

/* Reads a JSON object; `*object` is a new reference. Errors: those of vsa_json_load_object(). */
VSA_MUST_USE enum vsa_status vsa_metadata_read(struct vsa_slice bytes, json_t **object,
                                               struct vsa_error *error);

/*
 * Checks that nitro-cli can read it: into a fixed structure, for describing and for running alike.
 * Errors: those above; VSA_ERR_JSON names the field.
 */
VSA_MUST_USE enum vsa_status vsa_metadata_check(struct vsa_slice bytes, struct vsa_error *error);

#endif
