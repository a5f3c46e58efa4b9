/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens of a service (RFC 6750), as files hold them. */
#ifndef VSA_SERVICE_CLIENT_BEARER_H
#define VSA_SERVICE_CLIENT_BEARER_H

#include <vsattest/base.h>

/* Characters of a token: a service's own have 43, those of other issuers some hundred. */
#define VSA_MAX_BEARER 512

/*
 * Copies a token (section 2.1) without the white space at its end, and ends it with a NUL. Anything
 * else is no field of HTTP. Errors: VSA_ERR_ARGUMENT.
 */
VSA_MUST_USE enum vsa_status vsa_bearer_read(struct vsa_slice text, char token[VSA_MAX_BEARER + 1],
                                             struct vsa_error *error);

#endif
