/* SPDX-License-Identifier: Apache-2.0 */
/* PEM text (RFC 7468) from DER. */
#ifndef VSA_SOFTWARE_NSM_PEM_H
#define VSA_SOFTWARE_NSM_PEM_H

#include <vsattest/base.h>

/* Room for the PEM form of `size` bytes: 64 characters a line, the two lines around them. */
#define VSA_PEM_SIZE(size) (((size) + 2) / 3 * 4 + ((size) / 48 + 1) + 96)

/* Encodes DER as PEM; `label` is "CERTIFICATE" or similar. Errors: VSA_ERR_BUFFER. */
VSA_MUST_USE enum vsa_status vsa_pem_encode(const char *label, struct vsa_slice der, char *buffer,
                                            size_t capacity, struct vsa_slice *pem,
                                            struct vsa_error *error);

#endif
