/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service does, without HTTP: issues challenges, verifies, publishes policies and keys.
 * Safe to share between threads.
 */
#ifndef VSA_VERIFIERD_SERVICE_H
#define VSA_VERIFIERD_SERVICE_H

#include "verifierd/answer.h"
#include "verifierd/clients.h"
#include "verifierd/jwks.h"
#include "verifierd/metrics.h"
#include "verifierd/policy_files.h"
#include "verifierd/request.h"
#include "verifierd/store.h"

/* All borrowed until vsa_service_free(). */
struct vsa_service_options {
    const char *policies;      /* directory */
    const char *keys;          /* directory of signing keys; NULL: one of this process's own */
    const char *challenge_key; /* file; NULL: one of this process's own */
    const char *clients;       /* file; NULL: no client needs a token */
    const char *issuer;        /* "iss" of tokens; NULL: none */
    int64_t rate;              /* requests a second of one client */
    int64_t burst;
    int64_t skew_ms;
    struct vsa_store_options store;
};

struct vsa_service;

/* Reads everything. Errors: those of the files, VSA_ERR_ARGUMENT, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_service_new(const struct vsa_service_options *options,
                                             int64_t now_ms, struct vsa_service **service,
                                             struct vsa_error *error);
/* Frees it; NULL is fine. */
void vsa_service_free(struct vsa_service *service);
VSA_DEFINE_CLEANUP(struct vsa_service, vsa_service_free, vsa_cleanup_service);

/*
 * Reads policies, keys and clients again. On failure everything stays as it was; requests that are
 * under way end with what they began with.
 */
VSA_MUST_USE enum vsa_status vsa_service_reload(struct vsa_service *service,
                                                struct vsa_error *error);

struct vsa_service_metrics *vsa_service_get_metrics(struct vsa_service *service);

/*
 * Lets a request in, or makes the answer that sends it away.
 *
 * authorization  in: the header's value; NULL: none
 * address        in: bytes that the client's address has
 */
VSA_MUST_USE bool vsa_service_admit(struct vsa_service *service, const char *authorization,
                                    struct vsa_slice address, struct vsa_answer *answer);

/* Answers POST /v1/challenges. */
void vsa_service_issue_challenge(struct vsa_service *service, struct vsa_slice body, int64_t now_ms,
                                 struct vsa_answer *answer);

/* Answers POST /v1/verify: a token, or with `wants_json` a JSON object that has it. */
void vsa_service_verify(struct vsa_service *service, const struct vsa_verify_request *request,
                        int64_t now_ms, bool wants_json, struct vsa_answer *answer);

/* Answers a GET request. `name`: of a policy; empty: a list of all. */
void vsa_service_show_policy(struct vsa_service *service, struct vsa_slice name,
                             struct vsa_answer *answer);
/* Shows counts of verdicts: names of policies, nothing of documents. For those let in only. */
void vsa_service_show_verdicts(struct vsa_service *service, struct vsa_answer *answer);
void vsa_service_show_keys(struct vsa_service *service, struct vsa_answer *answer);
void vsa_service_show_metrics(struct vsa_service *service, int64_t now_ms, int64_t in_flight,
                              struct vsa_answer *answer);
void vsa_service_show_readiness(struct vsa_service *service, int64_t now_ms,
                                struct vsa_answer *answer);

#endif
