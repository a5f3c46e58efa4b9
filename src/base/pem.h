/* SPDX-License-Identifier: Apache-2.0 */
/* PEM text (RFC 7468) of one block, both directions. libcrypto reads that of keys and certificates.
 */
#ifndef VSA_BASE_PEM_H
#define VSA_BASE_PEM_H

#include <vsattest/base.h>

/* Room for the PEM form of `size` bytes: 64 characters a line, the two lines around them. */
#define VSA_PEM_SIZE(size) (((size) + 2) / 3 * 4 + ((size) / 48 + 1) + 96)

/* Writes the PEM text; `label` is "CERTIFICATE" or the like. Errors: VSA_ERR_BUFFER. */
VSA_MUST_USE enum vsa_status vsa_pem_encode(const char *label, struct vsa_slice der, char *buffer,
                                            size_t capacity, struct vsa_slice *pem,
                                            struct vsa_error *error);

/*
 * Decodes text that is one block; `*der` is absent for anything that does not begin with
 * "-----BEGIN `label`-----". White space may follow the END line.
 *
 * buffer  in: room for fewer bytes than `text` has; `*der` borrows it
 *
 * Errors: VSA_ERR_BASE64, VSA_ERR_BUFFER.
 */
VSA_MUST_USE enum vsa_status vsa_pem_decode(struct vsa_slice text, const char *label,
                                            uint8_t *buffer, size_t capacity, struct vsa_slice *der,
                                            struct vsa_error *error);

#endif
