/* SPDX-License-Identifier: Apache-2.0 */
#include "query/run.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/monotonic.h"
#include "protocol/service.h"
#include "query/appraise.h"
#include "query/sealed.h"
#include "json/value.h"

VSA_DEFINE_CLEANUP(struct vsa_client, vsa_client_free, cleanup_client);

/* Takes a reply only if it has metrics. */
static enum vsa_status ask_metrics(struct vsa_client *client, struct vsa_outcome *outcome)
{
    VSA_AUTO_JSON json_t *request = json_pack("{s:s}", "command", "metrics");
    VSA_AUTO_JSON json_t *received = NULL;
    struct vsa_slice metrics;
    if (!request)
        return vsa_fail_memory(&outcome->error);
    VSA_TRY(vsa_client_request(client, request, &received, &outcome->error));
    VSA_TRY(vsa_metrics_reply_decode(received, &metrics, &outcome->error));
    outcome->reply = json_incref(received);
    return VSA_OK;
}

static enum vsa_status ask(const struct vsa_query *query, struct vsa_client *client,
                           struct vsa_outcome *outcome)
{
    struct vsa_error *error = &outcome->error;
    switch (query->kind) {
    case VSA_QUERY_NONE:
        break;
    case VSA_QUERY_PING:
        return vsa_client_ping(client, error);
    case VSA_QUERY_STATUS:
        return vsa_client_status(client, &outcome->reply, error);
    case VSA_QUERY_METRICS:
        return ask_metrics(client, outcome);
    case VSA_QUERY_ATTEST:
        return vsa_client_attest(client, &query->document, &outcome->attestation, error);
    case VSA_QUERY_VERIFY:
        return vsa_client_attest_and_verify(client, &query->document, query->verifier,
                                            query->policy, query->now, query->context,
                                            &outcome->attestation, &outcome->claims, error);
    case VSA_QUERY_SERVICE:
        return vsa_query_appraise(query, client, outcome);
    case VSA_QUERY_REQUEST:
        return vsa_client_request(client, query->request, &outcome->reply, error);
    case VSA_QUERY_SEALED:
        return vsa_query_sealed(query, client, outcome);
    }
    return vsa_fail(error, VSA_ERR_INTERNAL, "a query of no kind");
}

static enum vsa_status connect_and_ask(const struct vsa_query *query, const char *address,
                                       struct vsa_outcome *outcome)
{
    VSA_CLEANUP(cleanup_client) struct vsa_client *client = NULL;
    struct vsa_client_options options;
    int64_t left_ms = outcome->deadline_ms - vsa_monotonic_ms();
    if (left_ms <= 0)
        return vsa_fail(&outcome->error, VSA_ERR_TIMEOUT, "no time is left to ask %s", address);
    vsa_client_options_init(&options);
    options.timeout_ms = left_ms;
    options.retries = query->retries;
    VSA_TRY(vsa_client_new(address, &options, &client, &outcome->error));
    return ask(query, client, outcome);
}

void vsa_query_run(const struct vsa_query *query, const char *address, int64_t deadline_ms,
                   struct vsa_outcome *outcome)
{
    int64_t started = vsa_monotonic_us();
    outcome->deadline_ms = deadline_ms;
    outcome->status = connect_and_ask(query, address, outcome);
    outcome->microseconds = vsa_monotonic_us() - started;
}
