/* SPDX-License-Identifier: Apache-2.0 */
/* What an image is, in the fields of `nitro-cli describe-eif`. */
#ifndef VSA_IMAGE_DESCRIPTION_H
#define VSA_IMAGE_DESCRIPTION_H

#include <jansson.h>

#include <vsattest/image.h>

struct vsa_image_description {
    json_t *json;               /* a new reference */
    struct vsa_error signature; /* VSA_OK, or why the signature does not hold */
    struct vsa_error metadata;  /* VSA_OK, or why nitro-cli cannot read the metadata */
};

/*
 * Describes an image. A signature that does not hold is part of the description; one that is
 * malformed is an error.
 *
 * now_ms  in: when the signing certificate must be valid, Unix milliseconds
 *
 * Errors: those of vsa_image_measure() and vsa_image_verify_signature(); VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_image_describe(const struct vsa_image *image, int64_t now_ms,
                                                struct vsa_image_description *description,
                                                struct vsa_error *error);

/* Makes {"HashAlgorithm": ..., "PCR0": ...}. Returns a new reference, NULL when memory is short. */
json_t *vsa_image_measurements_json(const struct vsa_image_measurements *measurements);

#endif
