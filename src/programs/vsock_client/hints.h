/* SPDX-License-Identifier: Apache-2.0 */
/* Ways out of common troubles: the guide's troubleshooting section. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_HINTS_H
#define VSA_PROGRAMS_VSOCK_CLIENT_HINTS_H

#include <vsattest/base.h>

/* What failed. */
enum client_place {
    CLIENT_PLACE_NITRO_CLI, /* finding the enclave */
    CLIENT_PLACE_ENCLAVE,
    CLIENT_PLACE_SOCKET /* a Unix socket that --connect names */
};

/* Lines with a newline each, or NULL where the error itself says what to do. */
const char *client_hint(enum vsa_status status, enum client_place place);

#endif
