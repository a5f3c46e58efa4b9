/* SPDX-License-Identifier: Apache-2.0 */
#include "query/query.h"

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
