/* SPDX-License-Identifier: Apache-2.0 */
/* A document that a verification service appraises (docs/SERVICE.md). */
#ifndef VSA_QUERY_APPRAISE_H
#define VSA_QUERY_APPRAISE_H

#include "query/query.h"

/*
 * Gets a challenge, a document with it as its nonce, and the service's token about that document;
 * checks the token with the keys that the service publishes. Fails, with the token in the outcome,
 * if its result is not affirming.
 */
VSA_MUST_USE enum vsa_status vsa_query_appraise(const struct vsa_query *query,
                                                struct vsa_client *client,
                                                struct vsa_outcome *outcome);

#endif
