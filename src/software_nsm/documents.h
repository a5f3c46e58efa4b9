/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestation documents as AWS's devices write them since 2025, byte for byte but for the values:
 * an untagged COSE_Sign1, its payload a map of indefinite length with all nine keys in AWS's order,
 * absent optional fields null, locked PCRs only.
 * Source: AWS NSM API docs/attestation_process.md; measured over 31 documents.
 */
#ifndef VSA_SOFTWARE_NSM_DOCUMENTS_H
#define VSA_SOFTWARE_NSM_DOCUMENTS_H

#include "software_nsm/authority.h"
#include "software_nsm/pcr_bank.h"

struct vsa_software_document {
    const struct vsa_pcr_bank *pcrs;
    uint64_t timestamp_ms;
    struct vsa_slice public_key; /* absent: null, as for the next two */
    struct vsa_slice user_data;
    struct vsa_slice nonce;
};

/*
 * Signs a document with the authority's leaf, which must have been refreshed.
 * Errors: VSA_ERR_BUFFER, VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_software_document_sign(const struct vsa_authority *authority,
                                                        const struct vsa_software_document *content,
                                                        uint8_t *buffer, size_t capacity,
                                                        struct vsa_slice *document,
                                                        struct vsa_error *error);

#endif
