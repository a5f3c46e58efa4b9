/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_STATUS_TEXT_H
#define VSA_PROGRAMS_VSOCK_CLIENT_STATUS_TEXT_H

#include <jansson.h>

#include <vsattest/base.h>

/* Prints a reply that vsa_client_status() gave; members of newer servers if they are there. */
VSA_MUST_USE enum vsa_status client_status_text(const json_t *reply, struct vsa_error *error);

#endif
