/* SPDX-License-Identifier: Apache-2.0 */
#include "query/query.h"

void vsa_outcome_free(struct vsa_outcome *outcome)
{
    json_decref(outcome->reply);
    outcome->reply = NULL;
    vsa_appraised_free(&outcome->appraised);
}
