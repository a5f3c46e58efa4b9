/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests: JSON, strictly. */
#ifndef VSA_VERIFIERD_REQUEST_H
#define VSA_VERIFIERD_REQUEST_H

#include <jansson.h>

#include <vsattest/base.h>

/* What a client wants to have appraised. Slices borrow from `json`, the body or its buffer. */
struct vsa_verify_request {
    json_t *json; /* owned: vsa_verify_request_free() */
    struct vsa_slice document;
    struct vsa_slice policy;
    struct vsa_slice challenge; /* absent: none */
    struct vsa_slice audience;  /* absent: none; UTF-8, 1..VSA_MAX_TOKEN_TEXT bytes */
};

/* Reads {"policy": NAME} and nothing else. `*json` is the caller's, and `*policy` borrows it. */
VSA_MUST_USE enum vsa_status vsa_challenge_request_parse(struct vsa_slice body, json_t **json,
                                                         struct vsa_slice *policy,
                                                         struct vsa_error *error);

/*
 * Reads {"document": BASE64, "policy": NAME, "challenge": TEXT, "audience": TEXT}; the last two
 * may be missing.
 *
 * buffer  in: room for the document, as many bytes as the body has
 *
 * Errors: those of vsa_json_load(), VSA_ERR_REQUEST, VSA_ERR_BASE64.
 */
VSA_MUST_USE enum vsa_status vsa_verify_request_parse(struct vsa_slice body, uint8_t *buffer,
                                                      size_t capacity,
                                                      struct vsa_verify_request *request,
                                                      struct vsa_error *error);
void vsa_verify_request_free(struct vsa_verify_request *request);

/* Checks an audience. Errors: VSA_ERR_REQUEST. */
VSA_MUST_USE enum vsa_status vsa_audience_check(struct vsa_slice audience, struct vsa_error *error);

#endif
