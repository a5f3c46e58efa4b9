/* SPDX-License-Identifier: Apache-2.0 */
/* `attest`: request and reply, both directions. docs/PROTOCOL.md, "attest". */
#ifndef VSA_PROTOCOL_ATTEST_H
#define VSA_PROTOCOL_ATTEST_H

#include "protocol/json.h"

/* The guide's user_data, where a request has no such member. */
#define VSA_DEFAULT_USER_DATA "hello-from-enclave"

/* Absent slices (data NULL) are sent as null; others have 0..VSA_MAX_FIELD bytes. */
struct vsa_attest_request {
    struct vsa_slice user_data;
    struct vsa_slice nonce;
    bool generate_key;
};

/* Buffers for values received in base64. */
struct vsa_attest_buffers {
    uint8_t user_data[VSA_MAX_FIELD];
    uint8_t nonce[VSA_MAX_FIELD];
};

/*
 * Makes a request object, a new reference: text where the bytes are valid UTF-8, else the *_base64
 * form. An absent user_data is sent as null, so that the server's default does not apply.
 * Errors: VSA_ERR_TOO_LARGE, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_attest_request_encode(const struct vsa_attest_request *request,
                                                       json_t **object, struct vsa_error *error);

/*
 * Reads a request.
 *
 * object   in: the request; `*request` borrows from it
 * buffers  in: `*request` borrows from them too
 * request  out: set on success
 *
 * Errors: VSA_ERR_FIELD (wrong type), VSA_ERR_TOO_LARGE, VSA_ERR_BASE64, VSA_ERR_REQUEST (a value
 * given twice, as text and in base64).
 */
VSA_MUST_USE enum vsa_status vsa_attest_request_decode(const json_t *object,
                                                       struct vsa_attest_buffers *buffers,
                                                       struct vsa_attest_request *request,
                                                       struct vsa_error *error);

/*
 * Reads the nonce alone, as the function above does.
 *
 * buffer  in: VSA_MAX_FIELD bytes; `*nonce` borrows from them, or from `object`
 * nonce   in: absent; out: left alone if there is none
 */
VSA_MUST_USE enum vsa_status vsa_attest_nonce_decode(const json_t *object, uint8_t *buffer,
                                                     struct vsa_slice *nonce,
                                                     struct vsa_error *error);

struct vsa_attest_reply {
    struct vsa_slice document;        /* COSE_Sign1, 1..VSA_MAX_DOCUMENT bytes */
    struct vsa_slice document_base64; /* the same as sent; decoding only */
    struct vsa_slice user_data;       /* absent or 0..VSA_MAX_FIELD bytes, as the server says */
    struct vsa_slice nonce;           /* absent or 0..VSA_MAX_FIELD bytes, as the server says */
    bool has_public_key;
    uint64_t timestamp_ms; /* since 1970, by the server's clock; 0 when it sent none */
};

/* Buffers for decoding a reply. */
struct vsa_attest_reply_buffers {
    uint8_t document[VSA_MAX_DOCUMENT];
    struct vsa_attest_buffers fields;
};

/* Adds the members to `object`. Errors: VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_attest_reply_encode(const struct vsa_attest_reply *reply,
                                                     json_t *object, struct vsa_error *error);

/*
 * Reads a successful reply (see vsa_reply_check). `*reply` borrows from `object` and `buffers`.
 * Only the document counts as evidence; the other members are the server's claims, checked for type
 * and size and for agreeing with each other. Members besides the document may be missing.
 * Errors: VSA_ERR_REPLY.
 */
VSA_MUST_USE enum vsa_status vsa_attest_reply_decode(const json_t *object,
                                                     struct vsa_attest_reply_buffers *buffers,
                                                     struct vsa_attest_reply *reply,
                                                     struct vsa_error *error);

#endif
