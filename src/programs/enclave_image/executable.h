/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel will need to run a program: the reason an image does not start, found early. */
#ifndef VSA_PROGRAMS_ENCLAVE_IMAGE_EXECUTABLE_H
#define VSA_PROGRAMS_ENCLAVE_IMAGE_EXECUTABLE_H

#include <vsattest/image.h>

#define EXECUTABLE_MAX_INTERPRETER 256

/*
 * Is it an ELF program of `architecture`, or a script? `interpreter` gets the path of its dynamic
 * linker or of the script's interpreter, "" when it needs none (statically linked).
 * Errors: VSA_ERR_ARGUMENT saying what it is instead; `what` names it.
 */
VSA_MUST_USE enum vsa_status executable_check(const char *what, struct vsa_slice program,
                                              enum vsa_image_architecture architecture,
                                              char interpreter[EXECUTABLE_MAX_INTERPRETER],
                                              struct vsa_error *error);

#endif
