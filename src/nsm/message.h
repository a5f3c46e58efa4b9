/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NSM requests and responses as CBOR, both directions: the module's client needs one half of it,
 * the software NSM the other, and tests both.
 *
 * The form is that of Rust enums in serde_cbor ("externally tagged"): a variant without fields is
 * its name as text, one with fields is the map {name: {field: value, ...}}; absent optional fields
 * are null. Source: AWS NSM API src/api/mod.rs.
 *
 * Field order is free on input and AWS's own on output. A field twice is always refused.
 */
#ifndef VSA_NSM_MESSAGE_H
#define VSA_NSM_MESSAGE_H

#include "base/builder.h"
#include <vsattest/nsm.h>

enum vsa_nsm_kind {
    VSA_NSM_DESCRIBE_PCR,
    VSA_NSM_EXTEND_PCR,
    VSA_NSM_LOCK_PCR,
    VSA_NSM_LOCK_PCRS,
    VSA_NSM_DESCRIBE_NSM,
    VSA_NSM_ATTESTATION,
    VSA_NSM_GET_RANDOM,
    VSA_NSM_ERROR, /* only as a response */
};

/* Returns the name on the wire: "DescribePCR". */
const char *vsa_nsm_kind_name(enum vsa_nsm_kind kind);

struct vsa_nsm_request {
    enum vsa_nsm_kind kind;
    uint16_t index;             /* DescribePCR, ExtendPCR, LockPCR */
    uint16_t range;             /* LockPCRs: one past the last index */
    struct vsa_slice data;      /* ExtendPCR */
    struct vsa_slice user_data; /* Attestation; absent is null, as for the next two */
    struct vsa_slice nonce;
    struct vsa_slice public_key;
};

struct vsa_nsm_response {
    enum vsa_nsm_kind kind;
    bool lock;                              /* DescribePCR */
    struct vsa_slice data;                  /* DescribePCR, ExtendPCR: VSA_PCR_SIZE bytes */
    struct vsa_slice document;              /* Attestation */
    struct vsa_slice random;                /* GetRandom */
    struct vsa_nsm_description description; /* DescribeNSM */
    enum vsa_nsm_code code;                 /* Error; VSA_NSM_INTERNAL_ERROR for unknown names */
    struct vsa_slice code_name;             /* Error, as received; not needed to encode */
};

/* Encodes a request or response. Errors: VSA_ERR_BUFFER. */
VSA_MUST_USE enum vsa_status vsa_nsm_request_encode(const struct vsa_nsm_request *request,
                                                    uint8_t *buffer, size_t capacity,
                                                    struct vsa_slice *encoded,
                                                    struct vsa_error *error);
VSA_MUST_USE enum vsa_status vsa_nsm_response_encode(const struct vsa_nsm_response *response,
                                                     uint8_t *buffer, size_t capacity,
                                                     struct vsa_slice *encoded,
                                                     struct vsa_error *error);

/*
 * Decodes a request strictly: every field present, null or not, and no other. What the software NSM
 * accepts must not be rejected by a real one, and how lenient that is is not documented.
 *
 * Slices of `*request` borrow `encoded`. Errors: VSA_ERR_UNKNOWN_COMMAND for another name;
 * VSA_ERR_FIELD, VSA_ERR_FIELD_MISSING, VSA_ERR_DUPLICATE_KEY for wrong fields; class syntax.
 */
VSA_MUST_USE enum vsa_status vsa_nsm_request_decode(struct vsa_slice encoded,
                                                    struct vsa_nsm_request *request,
                                                    struct vsa_error *error);

/*
 * Decodes a response, leniently where AWS may extend it: unknown fields are skipped if well-formed,
 * maps may be of indefinite length (as in its documents since 2025).
 *
 * Slices of `*response` borrow `encoded`. Errors: VSA_ERR_REPLY for a name that is no response;
 * VSA_ERR_FIELD, VSA_ERR_FIELD_MISSING, VSA_ERR_DUPLICATE_KEY; class syntax.
 */
VSA_MUST_USE enum vsa_status vsa_nsm_response_decode(struct vsa_slice encoded,
                                                     struct vsa_nsm_response *response,
                                                     struct vsa_error *error);

#endif
