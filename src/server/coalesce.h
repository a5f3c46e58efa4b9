/* SPDX-License-Identifier: Apache-2.0 */
/* Answers a request with what another one got, or is to get. */
#ifndef VSA_SERVER_COALESCE_H
#define VSA_SERVER_COALESCE_H

#include "server/request.h"

/* Returns whether the request has its reply, or waits for the call of another one. */
bool vsa_coalesce(struct vsa_requests *all, const struct vsa_request *request,
                  const struct vsa_share_key *key);

#endif
