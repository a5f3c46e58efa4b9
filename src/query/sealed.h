/* SPDX-License-Identifier: Apache-2.0 */
/* A sealed request, and when it is sent again. */
#ifndef VSA_QUERY_SEALED_H
#define VSA_QUERY_SEALED_H

#include "query/query.h"

/*
 * Gets the enclave's key, verified, sends the request sealed, and opens the reply. Only an
 * idempotent request is sent again if its outcome is unknown: as often as the query has retries,
 * at least once.
 */
VSA_MUST_USE enum vsa_status vsa_query_sealed(const struct vsa_query *query,
                                              struct vsa_client *client,
                                              struct vsa_outcome *outcome);

#endif
