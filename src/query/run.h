/* SPDX-License-Identifier: Apache-2.0 */
/* One question to one enclave, within a deadline. Prints nothing; thread-safe. */
#ifndef VSA_QUERY_RUN_H
#define VSA_QUERY_RUN_H

#include "query/query.h"

/* Connects to the address and asks. */
void vsa_query_run(const struct vsa_query *query, const char *address, int64_t deadline_ms,
                   struct vsa_outcome *outcome);

#endif
