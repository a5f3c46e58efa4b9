/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata section: JSON, in no register (AWS EIF, src/utils/identity.rs). */
#ifndef VSA_PROGRAMS_ENCLAVE_IMAGE_METADATA_H
#define VSA_PROGRAMS_ENCLAVE_IMAGE_METADATA_H

#include <jansson.h>

#include "programs/files.h"

struct image_identity {
    const char *name;
    const char *version;
    struct vsa_slice kernel_config; /* the kernel's .config, or absent */
};

/*
 * The section that nitro-cli would write, with a fixed BuildTime: that of SOURCE_DATE_EPOCH, or
 * 1970. `bytes` is the caller's. Errors: VSA_ERR_ARGUMENT, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status image_metadata_make(const struct image_identity *identity,
                                                 struct file_bytes *bytes, struct vsa_error *error);

/* A JSON object? `*object` is a new reference. Errors: VSA_ERR_JSON. */
VSA_MUST_USE enum vsa_status image_metadata_read(struct vsa_slice bytes, json_t **object,
                                                 struct vsa_error *error);

#endif
