/* SPDX-License-Identifier: Apache-2.0 */
/* What a verification service says of a document (docs/SERVICE.md): asked for, and checked. */
#ifndef VSA_SERVICE_CLIENT_APPRAISAL_H
#define VSA_SERVICE_CLIENT_APPRAISAL_H

#include <stdbool.h>

#include "service_client/http_helper.h"

/* Whom to ask, for what. All borrowed. */
struct vsa_appraisal_request {
    const char *service;     /* https://HOST[:PORT][/PATH] or unix:PATH */
    const char *policy;      /* name */
    const char *audience;    /* or NULL */
    const char *bearer;      /* token of the service's, or NULL */
    const char *cacert;      /* PEM file of certificates to trust; NULL: the system's */
    int64_t deadline_ms;     /* of all that is asked of the service */
    int64_t (*now_ms)(void); /* Unix time that the token is judged at */
    /* Gets a document with this nonce; it stays the caller's. */
    enum vsa_status (*attest)(void *context, struct vsa_slice nonce, struct vsa_slice *document,
                              struct vsa_error *error);
    void *context;
};

/* Zero it first; free it with vsa_appraised_free(). */
struct vsa_appraised {
    bool at_service; /* that is where it failed; not the document */
    json_t *token;   /* a string; NULL: none that holds */
    json_t *claims;  /* what it says */
};

void vsa_appraised_free(struct vsa_appraised *appraised);

/*
 * Gets a challenge, a document with it as its nonce, and the service's token about that document;
 * checks the token with the keys that the service publishes.
 *
 * appraised  out: has the token if it holds, also where its result is not affirming
 *
 * Errors: those of `attest` and of vsa_http_helper_ask(); VSA_ERR_REPLY, or what HTTP's status
 * means, for an answer that is none; those of vsa_jws_verify() and vsa_ear_read(); the reason of a
 * result that is not affirming.
 */
VSA_MUST_USE enum vsa_status vsa_appraisal_get(const struct vsa_appraisal_request *request,
                                               struct vsa_http_helper *helper,
                                               struct vsa_appraised *appraised,
                                               struct vsa_error *error);

#endif
