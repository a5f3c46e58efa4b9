/* SPDX-License-Identifier: Apache-2.0 */
/* Ways out of common troubles: the guide's troubleshooting section. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_HINTS_H
#define VSA_PROGRAMS_VSOCK_CLIENT_HINTS_H

#include <stdbool.h>

#include <vsattest/base.h>

/*
 * Lines with a newline each, or NULL where the error itself says what to do. `finding`: nitro-cli
 * is what failed, not the enclave.
 */
const char *client_hint(enum vsa_status status, bool finding);

#endif
