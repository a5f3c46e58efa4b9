/* SPDX-License-Identifier: Apache-2.0 */
/* Files that the service serves as they are; embed.py makes them part of the program. */
#ifndef VSA_VERIFIERD_EMBEDDED_H
#define VSA_VERIFIERD_EMBEDDED_H

#include <stddef.h>

struct vsa_embedded_file {
    const char *path; /* of its URL */
    const char *type;
    const unsigned char *data;
    size_t size;
};

extern const struct vsa_embedded_file vsa_embedded_files[];
extern const size_t vsa_embedded_file_count;

#endif
