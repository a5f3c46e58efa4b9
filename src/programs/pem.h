/* SPDX-License-Identifier: Apache-2.0 */
/* PEM text (RFC 7468) of one kind, distinguished from plain bytes. */
#ifndef VSA_PROGRAMS_PEM_H
#define VSA_PROGRAMS_PEM_H

#include "programs/files.h"

/*
 * If the bytes begin with "-----BEGIN `label`-----", replaces them by what stands up to the END
 * line; anything else is left as it is. Errors: VSA_ERR_BASE64, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status pem_to_der(struct file_bytes *bytes, const char *label,
                                        struct vsa_error *error);

#endif
