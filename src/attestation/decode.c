/* SPDX-License-Identifier: Apache-2.0 */
#include <vsattest/attestation.h>

#include "base/base64.h"
#include "base/error.h"

/* An array of 4, or tag 18 before it (RFC 9052 section 4.2): neither is a base64 character. */
#define FIRST_BYTE_UNTAGGED 0x84
#define FIRST_BYTE_TAGGED   0xd2

enum vsa_status vsa_document_decode(struct vsa_slice input, void *buffer, size_t capacity,
                                    struct vsa_slice *document, struct vsa_error *error)
{
    if (!input.size)
        return vsa_fail(error, VSA_ERR_EMPTY, VSA_NO_OFFSET, NULL, "the input is empty");
    if (input.data[0] == FIRST_BYTE_UNTAGGED || input.data[0] == FIRST_BYTE_TAGGED) {
        *document = input;
        return VSA_OK;
    }
    return vsa_base64_decode(input, true, buffer, capacity, document, error);
}
