/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_IMAGE_CHECK_H
#define VSA_IMAGE_CHECK_H

#include <vsattest/image.h>

/* Longest text of vsa_image_section_label(). */
#define VSA_IMAGE_LABEL_SIZE 32

/*
 * Writes "section 3 (ramdisk)", counted from 0, for errors. `label` has VSA_IMAGE_LABEL_SIZE bytes.
 */
const char *vsa_image_section_label(size_t index, unsigned type, char *label);

/*
 * Checks which sections there are, how many, in which order and how large: the same rules for
 * reading, writing and measuring. Where `deviations` is not NULL, what AWS's code tolerates is
 * added there instead of refused. VSA_ERR_IMAGE names the section.
 */
VSA_MUST_USE enum vsa_status vsa_image_check(const struct vsa_image *image, unsigned *deviations,
                                             struct vsa_error *error);

/* Adds `deviation` to `*deviations`; false where that is NULL: nothing is tolerated. */
bool vsa_image_tolerate(unsigned *deviations, enum vsa_image_deviation deviation);

#endif
