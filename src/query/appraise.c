/* SPDX-License-Identifier: Apache-2.0 */
#include "query/appraise.h"

#include "base/error.h"

/* What a document for the service is asked with. */
struct asking {
    const struct vsa_query *query;
    struct vsa_client *client;
    struct vsa_outcome *outcome;
};

static enum vsa_status attest(void *context, struct vsa_slice nonce, struct vsa_slice *document,
                              struct vsa_error *error)
{
    const struct asking *asking = context;
    struct vsa_attestation_request request = asking->query->document;
    struct vsa_attestation_reply *reply = &asking->outcome->attestation;
    VSA_TRY(vsa_query_set_time(asking->client, asking->outcome, "for the document", error));
    request.nonce = nonce;
    VSA_TRY(vsa_client_attest(asking->client, &request, reply, error));
    *document = vsa_reply_document(reply);
    return VSA_OK;
}

enum vsa_status vsa_query_appraise(const struct vsa_query *query, struct vsa_client *client,
                                   struct vsa_outcome *outcome)
{
    struct vsa_http_helper helper = {.fd = -1};
    struct asking asking = {query, client, outcome};
    struct vsa_appraisal_request request = query->service;
    request.deadline_ms = outcome->deadline_ms;
    request.attest = attest;
    request.context = &asking;
    outcome->appraised.at_service = true;
    enum vsa_status status = query->start_http(&helper, &outcome->error);
    if (status == VSA_OK)
        status = vsa_appraisal_get(&request, &helper, &outcome->appraised, &outcome->error);
    vsa_http_helper_close(&helper);
    return status;
}
