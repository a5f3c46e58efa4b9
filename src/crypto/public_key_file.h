/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys in files, as they are compared with those in documents. */
#ifndef VSA_CRYPTO_PUBLIC_KEY_FILE_H
#define VSA_CRYPTO_PUBLIC_KEY_FILE_H

#include <vsattest/base.h>

/*
 * Reads the bytes to compare a document's public key with: of PEM ("PUBLIC KEY", any algorithm) the
 * DER, everything else as it is.
 *
 * buffer  in: room for fewer bytes than `file` has
 * key     out: borrows `file` or `buffer`
 *
 * Errors: VSA_ERR_ARGUMENT for other kinds of PEM, with what to do, VSA_ERR_BASE64, VSA_ERR_BUFFER.
 */
VSA_MUST_USE enum vsa_status vsa_public_key_from_file(struct vsa_slice file, uint8_t *buffer,
                                                      size_t capacity, struct vsa_slice *key,
                                                      struct vsa_error *error);

#endif
