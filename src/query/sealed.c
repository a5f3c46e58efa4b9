/* SPDX-License-Identifier: Apache-2.0 */
#include "query/sealed.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/monotonic.h"
#include "client/retry.h"

VSA_DEFINE_CLEANUP(struct vsa_sealed_enclave, vsa_sealed_enclave_free, cleanup_enclave);

static enum vsa_status send_request(const struct vsa_query *query, struct vsa_client *client,
                                    struct vsa_sealed_enclave *enclave, struct vsa_outcome *outcome)
{
    VSA_TRY(vsa_query_set_time(client, outcome, "to send the request", &outcome->error));
    return vsa_sealed_request(enclave, query->request, query->aad, &outcome->reply,
                              &outcome->error);
}

/* Pauses before retry number `retry`; returns false if there is to be none. */
static bool pause_before(const struct vsa_query *query, unsigned retry,
                         const struct vsa_outcome *outcome)
{
    if (!query->idempotent || retry >= (query->retries ? query->retries : 1))
        return false;
    int64_t pause_ms = vsa_retry_pause_ms(retry, -1, outcome->deadline_ms - vsa_monotonic_ms(),
                                          vsa_retry_random());
    if (pause_ms < 0)
        return false;
    vsa_retry_sleep(pause_ms);
    return true;
}

enum vsa_status vsa_query_sealed(const struct vsa_query *query, struct vsa_client *client,
                                 struct vsa_outcome *outcome)
{
    VSA_CLEANUP(cleanup_enclave) struct vsa_sealed_enclave *enclave = NULL;
    enum vsa_status status;
    unsigned retry = 0;
    VSA_TRY(vsa_client_seal(client, query->verifier, query->policy, query->now, query->context,
                            query->sender, &enclave, &outcome->error));
    do {
        status = send_request(query, client, enclave, outcome);
    } while (status == VSA_ERR_OUTCOME && pause_before(query, retry++, outcome));
    return status;
}
