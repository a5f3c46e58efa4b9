/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_ACTIONS_H
#define VSA_PROGRAMS_VSOCK_CLIENT_ACTIONS_H

#include "programs/vsock_client/arguments.h"

/* What vsock_client can ask of an enclave: one row each, the last without a name. */
extern const struct client_action client_actions[];

#endif
