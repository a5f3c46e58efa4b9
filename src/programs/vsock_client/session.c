/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/session.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/monotonic.h"
#include "protocol/request.h"

VSA_DEFINE_CLEANUP(struct vsa_client, vsa_client_free, cleanup_client);

void client_outcome_free(struct client_outcome *outcome)
{
    json_decref(outcome->reply);
    outcome->reply = NULL;
    vsa_appraised_free(&outcome->appraised);
}

void client_target_of(const struct client_arguments *arguments, const struct vsa_enclave *enclave,
                      struct client_target *target)
{
    target->enclave = *enclave;
    (void)snprintf(target->address, sizeof(target->address), "vsock:%" PRIu32 ":%" PRIu32,
                   enclave->cid, arguments->port);
}

enum vsa_status client_find_target(const struct client_arguments *arguments, int64_t deadline_ms,
                                   struct client_target *target, struct vsa_enclave_list *running,
                                   struct vsa_error *error)
{
    struct vsa_enclave enclave = {.cid = arguments->cid};
    if (arguments->address) {
        *target = (struct client_target){0};
        (void)snprintf(target->address, sizeof(target->address), "%s", arguments->address);
        return VSA_OK;
    }
    if (!arguments->cid)
        VSA_TRY(vsa_find_enclave(&arguments->selector, deadline_ms - vsa_monotonic_ms(), running,
                                 &enclave, error));
    client_target_of(arguments, &enclave, target);
    return VSA_OK;
}

static enum vsa_status connect_and_ask(const struct client_arguments *arguments,
                                       const char *address, int64_t deadline_ms,
                                       struct client_outcome *outcome)
{
    VSA_CLEANUP(cleanup_client) struct vsa_client *client = NULL;
    struct vsa_client_options options;
    int64_t left = deadline_ms - vsa_monotonic_ms();
    if (left <= 0)
        return vsa_fail(&outcome->error, VSA_ERR_TIMEOUT, "no time is left to ask %s", address);
    vsa_client_options_init(&options);
    options.timeout_ms = left;
    options.retries = arguments->retries;
    VSA_TRY(vsa_client_new(address, &options, &client, &outcome->error));
    return arguments->action->ask(arguments, client, outcome);
}

void client_perform(const struct client_arguments *arguments, const char *address,
                    int64_t deadline_ms, struct client_outcome *outcome)
{
    int64_t started = vsa_monotonic_us();
    outcome->deadline_ms = deadline_ms;
    outcome->status = connect_and_ask(arguments, address, deadline_ms, outcome);
    outcome->microseconds = vsa_monotonic_us() - started;
}

struct vsa_attestation_request client_document_request(const struct client_arguments *arguments)
{
    struct vsa_attestation_request request;
    vsa_attestation_request_init(&request);
    request.user_data = arguments->policy.policy.user_data;
    request.nonce = arguments->policy.policy.nonce;
    request.generate_key = arguments->generate_key;
    return request;
}
