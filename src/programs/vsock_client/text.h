/* SPDX-License-Identifier: Apache-2.0 */
/* What vsock_client prints for people. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_TEXT_H
#define VSA_PROGRAMS_VSOCK_CLIENT_TEXT_H

#include <vsattest/client.h>

/* What failed. */
enum client_place {
    CLIENT_PLACE_NITRO_CLI, /* finding the enclave */
    CLIENT_PLACE_ENCLAVE,
    CLIENT_PLACE_SOCKET /* a Unix socket that --connect names */
};

/* "NAME", or the ID of an enclave without one. */
const char *client_text_name(const struct vsa_enclave *enclave);

/* Which enclave nitro-cli led to, on stderr. */
void client_text_announce(const struct vsa_enclave *enclave);

/* Warns on stderr of enclaves that nitro-cli could not reach. */
void client_text_unreachable(const struct vsa_enclave_list *running);

/* An error and the way out of it, on stderr. `place`: what failed. */
void client_text_failure(const struct vsa_error *error, enum client_place place,
                         const struct vsa_enclave_list *running);

#endif
