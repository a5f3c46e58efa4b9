/* SPDX-License-Identifier: Apache-2.0 */
/* The server's state as JSON, for `status`. */
#ifndef VSA_SERVER_STATUS_H
#define VSA_SERVER_STATUS_H

#include "server/quantities.h"

/* Adds what `status` has besides what vsa_service_status_encode() writes. Errors: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_service_add_statistics(const struct vsa_snapshot *snapshot,
                                                        json_t *reply, struct vsa_error *error);

#endif
