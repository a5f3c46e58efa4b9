/* SPDX-License-Identifier: Apache-2.0 */
/* What a request gets: status, type, body. Every failure is a row of one table. */
#ifndef VSA_VERIFIERD_ANSWER_H
#define VSA_VERIFIERD_ANSWER_H

#include <jansson.h>

#include <vsattest/base.h>

/* X(name, HTTP status, code, what it means) */
#define VSA_PROBLEM_TABLE(X)                                                                       \
    X(VSA_PROBLEM_BODY, 400, "request_malformed", "the request is not as described")               \
    X(VSA_PROBLEM_DOCUMENT, 400, "document_malformed", "not an attestation document")              \
    X(VSA_PROBLEM_CHALLENGE_FORM, 400, "challenge_malformed", "not a challenge")                   \
    X(VSA_PROBLEM_CHALLENGE_MISSING, 400, "challenge_missing", "the policy requires a challenge")  \
    X(VSA_PROBLEM_CLIENT, 401, "unauthorized", "a bearer token of a known client is needed")       \
    X(VSA_PROBLEM_PATH, 404, "not_found", "no such path")                                          \
    X(VSA_PROBLEM_POLICY, 404, "policy_unknown", "no such policy; GET /v1/policies has the names") \
    X(VSA_PROBLEM_METHOD, 405, "method_not_allowed", "another method is needed")                   \
    X(VSA_PROBLEM_CHALLENGE_UNKNOWN, 409, "challenge_unknown",                                     \
      "not issued for this policy here: ask for one of this policy")                               \
    X(VSA_PROBLEM_CHALLENGE_EXPIRED, 409, "challenge_expired", "too old: ask for another one")     \
    X(VSA_PROBLEM_CHALLENGE_USED, 409, "challenge_used", "redeemed before: ask for another one")   \
    X(VSA_PROBLEM_CHALLENGE_MISMATCH, 409, "challenge_mismatch",                                   \
      "not the document's nonce: request a document with this challenge as its nonce")             \
    X(VSA_PROBLEM_AGE, 409, "document_too_old", "older than the policy allows: request a new one") \
    X(VSA_PROBLEM_FUTURE, 409, "document_from_future",                                             \
      "ahead of this service's clock, which may be slow: check it")                                \
    X(VSA_PROBLEM_SIZE, 413, "too_large", "the body is larger than 65536 bytes")                   \
    X(VSA_PROBLEM_TYPE, 415, "type_unknown",                                                       \
      "Content-Type: application/json, or for a document alone application/cbor, "                 \
      "application/octet-stream or text/plain (base64)")                                           \
    X(VSA_PROBLEM_HOST, 421, "host_unknown",                                                       \
      "Host is neither an address nor localhost; --trust-proxy takes any")                         \
    X(VSA_PROBLEM_RATE, 429, "rate_limited", "more requests than this client may make")            \
    X(VSA_PROBLEM_INTERNAL, 500, "internal_error", "a fault of this service")                      \
    X(VSA_PROBLEM_STORE, 503, "store_unavailable", "challenges cannot be redeemed now")            \
    X(VSA_PROBLEM_BUSY, 503, "busy", "too many requests at a time, or the service ends")

enum vsa_problem {
#define VSA_PROBLEM_ENUM(name, status, code, meaning) name,
    VSA_PROBLEM_TABLE(VSA_PROBLEM_ENUM)
#undef VSA_PROBLEM_ENUM
};

/* Zero it first; vsa_answer_free() releases the body. */
struct vsa_answer {
    unsigned status;
    const char *type; /* static */
    char *body;       /* owned */
    size_t size;
    int64_t retry_after_ms; /* 0: not said */
    int64_t max_age_ms;     /* may be kept by readers; 0: not at all */
};

void vsa_answer_free(struct vsa_answer *answer);

/* Takes `body`, which is released with free(); NULL, when memory was short, is a problem. */
void vsa_answer_text(struct vsa_answer *answer, const char *type, char *body);

/* Copies `body`. */
void vsa_answer_bytes(struct vsa_answer *answer, const char *type, struct vsa_slice body);

/* Takes the reference `body`; NULL, when memory was short, is a problem. */
void vsa_answer_json(struct vsa_answer *answer, json_t *body);

/*
 * Sets {"error": code, "message": text}; a message in `detail`, which may be NULL, is added. Where
 * memory was short in `detail`, a refusal becomes VSA_PROBLEM_INTERNAL.
 */
void vsa_answer_problem(struct vsa_answer *answer, enum vsa_problem refused,
                        const struct vsa_error *detail);

#endif
