/* SPDX-License-Identifier: Apache-2.0 */
/* One action on one enclave. Prints nothing; thread-safe. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_SESSION_H
#define VSA_PROGRAMS_VSOCK_CLIENT_SESSION_H

#include "programs/vsock_client/arguments.h"
#include "service_client/appraisal.h"
#include <vsattest/transport.h>

struct client_target {
    struct vsa_enclave enclave; /* nitro-cli's description; `id` is empty if it was not run */
    char address[VSA_MAX_ADDRESS];
};

/* The outcome of an action. Zero it first, free it with client_outcome_free(). */
struct client_outcome {
    enum vsa_status status;
    struct vsa_error error;                   /* unless `status` is VSA_OK */
    int64_t deadline_ms;                      /* of the action */
    int64_t microseconds;                     /* connecting and the exchange, verifying too */
    json_t *reply;                            /* of --status and --metrics */
    struct vsa_attestation_reply attestation; /* document_size 0: none came */
    struct vsa_claims claims;                 /* if verified; borrows from `attestation` */
    struct vsa_appraised appraised;           /* of --service */
};

void client_outcome_free(struct client_outcome *outcome);

/* Makes a target of an enclave that nitro-cli described. */
void client_target_of(const struct client_arguments *arguments, const struct vsa_enclave *enclave,
                      struct client_target *target);

/*
 * Finds the enclave that the arguments name; runs nitro-cli if they name no address.
 * `running`: nitro-cli's list, if it was run. Errors: those of vsa_find_enclave().
 */
VSA_MUST_USE enum vsa_status client_find_target(const struct client_arguments *arguments,
                                                int64_t deadline_ms, struct client_target *target,
                                                struct vsa_enclave_list *running,
                                                struct vsa_error *error);

/* Connects and executes the action, with the retries that the arguments allow. */
void client_perform(const struct client_arguments *arguments, const char *address,
                    int64_t deadline_ms, struct client_outcome *outcome);

/* Returns the request of a document that the arguments describe, borrowed from them. */
struct vsa_attestation_request client_document_request(const struct client_arguments *arguments);

#endif
