/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/sealed.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "client/client.h"
#include "client/retry.h"

VSA_DEFINE_CLEANUP(struct vsa_sealed_enclave, vsa_sealed_enclave_free, cleanup_enclave);

static int64_t now(const void *context)
{
    return policy_options_time(context);
}

/* Leaves the next step the time that earlier ones did not take. */
static enum vsa_status set_time(struct vsa_client *client, struct client_outcome *outcome)
{
    int64_t left_ms = outcome->deadline_ms - vsa_monotonic_ms();
    if (left_ms <= 0)
        return vsa_fail(&outcome->error, VSA_ERR_TIMEOUT, "no time is left to send the request");
    vsa_client_set_timeout(client, left_ms);
    return VSA_OK;
}

static enum vsa_status send_request(const struct client_arguments *arguments,
                                    struct vsa_client *client, struct vsa_sealed_enclave *enclave,
                                    struct client_outcome *outcome)
{
    struct vsa_slice aad = {0};
    if (arguments->aad)
        aad = vsa_slice_of_text(arguments->aad);
    VSA_TRY(set_time(client, outcome));
    return vsa_sealed_request(enclave, arguments->request, aad, &outcome->reply, &outcome->error);
}

/* Pauses before retry number `retry`; returns false if there is to be none. */
static bool pause_before(const struct client_arguments *arguments, unsigned retry,
                         const struct client_outcome *outcome)
{
    if (!arguments->idempotent || retry >= (arguments->retries ? arguments->retries : 1))
        return false;
    int64_t pause_ms = vsa_retry_pause_ms(retry, -1, outcome->deadline_ms - vsa_monotonic_ms(),
                                          vsa_retry_random());
    if (pause_ms < 0)
        return false;
    vsa_retry_sleep(pause_ms);
    return true;
}

enum vsa_status client_ask_sealed(const struct client_arguments *arguments,
                                  struct vsa_client *client, struct client_outcome *outcome)
{
    VSA_CLEANUP(cleanup_enclave) struct vsa_sealed_enclave *enclave = NULL;
    const struct policy_options *policy = &arguments->policy;
    enum vsa_status status;
    unsigned retry = 0;
    VSA_TRY(vsa_client_seal(client, policy->verifier, &policy->policy, now, policy,
                            arguments->sender, &enclave, &outcome->error));
    do {
        status = send_request(arguments, client, enclave, outcome);
    } while (status == VSA_ERR_OUTCOME && pause_before(arguments, retry++, outcome));
    return status;
}
