/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel will need to run a program: the reason an image does not start, found early. */
#ifndef VSA_IMAGE_EXECUTABLE_H
#define VSA_IMAGE_EXECUTABLE_H

#include <vsattest/image.h>

#define VSA_EXECUTABLE_MAX_NAME 256
/* Real programs need some 20 libraries. */
#define VSA_EXECUTABLE_MAX_LIBRARIES 256

/* Names are cut at VSA_EXECUTABLE_MAX_NAME. */
struct vsa_executable {
    bool is_script;
    char interpreter[VSA_EXECUTABLE_MAX_NAME]; /* dynamic linker, or what is behind #!; "": none */
    size_t library_count;
    char libraries[VSA_EXECUTABLE_MAX_LIBRARIES][VSA_EXECUTABLE_MAX_NAME]; /* DT_NEEDED */
};

/*
 * Reads what an ELF program of `architecture`, or a script, needs beside itself.
 * Errors: VSA_ERR_ARGUMENT saying what it is instead; `what` names it.
 */
VSA_MUST_USE enum vsa_status vsa_executable_read(const char *what, struct vsa_slice program,
                                                 enum vsa_image_architecture architecture,
                                                 struct vsa_executable *executable,
                                                 struct vsa_error *error);

/*
 * Checks that a file is a kernel module (an ELF relocatable) for `architecture`, and whole.
 * Errors: VSA_ERR_ARGUMENT saying what it is instead; `what` names it.
 */
VSA_MUST_USE enum vsa_status vsa_module_check(const char *what, struct vsa_slice module,
                                              enum vsa_image_architecture architecture,
                                              struct vsa_error *error);

#endif
