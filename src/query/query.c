/* SPDX-License-Identifier: Apache-2.0 */
#include "query/query.h"

#include "base/error.h"
#include "base/monotonic.h"
#include "client/client.h"

bool vsa_query_has_document(enum vsa_query_kind kind)
{
    return kind == VSA_QUERY_ATTEST || vsa_query_is_verifying(kind);
}

bool vsa_query_is_verifying(enum vsa_query_kind kind)
{
    return kind == VSA_QUERY_VERIFY || kind == VSA_QUERY_SERVICE;
}

void vsa_outcome_free(struct vsa_outcome *outcome)
{
    json_decref(outcome->reply);
    outcome->reply = NULL;
    vsa_appraised_free(&outcome->appraised);
}

enum vsa_status vsa_query_set_time(struct vsa_client *client, const struct vsa_outcome *outcome,
                                   const char *what, struct vsa_error *error)
{
    int64_t left_ms = outcome->deadline_ms - vsa_monotonic_ms();
    if (left_ms <= 0)
        return vsa_fail(error, VSA_ERR_TIMEOUT, "no time is left %s", what);
    vsa_client_set_timeout(client, left_ms);
    return VSA_OK;
}
