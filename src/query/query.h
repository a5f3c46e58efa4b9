/* SPDX-License-Identifier: Apache-2.0 */
/* A question to an enclave, and what came of it. */
#ifndef VSA_QUERY_QUERY_H
#define VSA_QUERY_QUERY_H

#include "service_client/appraisal.h"
#include <vsattest/client.h>

enum vsa_query_kind {
    VSA_QUERY_NONE, /* nothing to ask */
    VSA_QUERY_PING,
    VSA_QUERY_STATUS,
    VSA_QUERY_METRICS,
    VSA_QUERY_ATTEST,  /* a document, of which nothing is verified */
    VSA_QUERY_VERIFY,  /* a document that is verified here */
    VSA_QUERY_SERVICE, /* a document that a verification service appraises */
    VSA_QUERY_REQUEST,
    VSA_QUERY_SEALED, /* a request that only an enclave that verifies can read */
};

/* Returns whether its outcome is about a document. */
bool vsa_query_has_document(enum vsa_query_kind kind);

/* Returns whether that document is verified, here or by a service. */
bool vsa_query_is_verifying(enum vsa_query_kind kind);

/* What is asked. All is borrowed; what a kind has no use for is not looked at. */
struct vsa_query {
    enum vsa_query_kind kind;
    unsigned retries;
    struct vsa_attestation_request document; /* of the three that ask for one */

    /* verifying, and sealing */
    struct vsa_verifier *verifier;
    const struct vsa_policy *policy;
    int64_t (*now)(const void *context); /* Unix milliseconds to verify at */
    const void *context;

    /* a request */
    const json_t *request;
    struct vsa_slice aad;
    const struct vsa_sender *sender;
    bool idempotent; /* a sealed one may be carried out twice */

    /* a service; `deadline_ms`, `attest` and `context` are set here */
    struct vsa_appraisal_request service;
    /* Starts the helper, or fails; it is closed here. */
    enum vsa_status (*start_http)(struct vsa_http_helper *helper, struct vsa_error *error);
};

/* What came of it. Zero it first, free it with vsa_outcome_free(). */
struct vsa_outcome {
    enum vsa_status status;
    struct vsa_error error;                   /* unless `status` is VSA_OK */
    int64_t deadline_ms;                      /* of the query */
    int64_t microseconds;                     /* connecting and the exchange, verifying too */
    json_t *reply;                            /* of all kinds but documents and ping */
    struct vsa_attestation_reply attestation; /* document_size 0: none came */
    struct vsa_claims claims;                 /* if verified; borrows from `attestation` */
    struct vsa_appraised appraised;           /* of a service */
};

void vsa_outcome_free(struct vsa_outcome *outcome);

/*
 * Leaves the client's next exchange the time that earlier steps of the query did not take.
 *
 * what  in: what there would be no time for
 *
 * Errors: VSA_ERR_TIMEOUT.
 */
VSA_MUST_USE enum vsa_status vsa_query_set_time(struct vsa_client *client,
                                                const struct vsa_outcome *outcome, const char *what,
                                                struct vsa_error *error);

#endif
