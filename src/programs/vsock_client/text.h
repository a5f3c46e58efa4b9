/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of vsock_client. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_TEXT_H
#define VSA_PROGRAMS_VSOCK_CLIENT_TEXT_H

#include "programs/vsock_client/arguments.h"

/* The place of a failure. */
enum client_place {
    CLIENT_PLACE_NITRO_CLI, /* finding the enclave */
    CLIENT_PLACE_ENCLAVE,
    CLIENT_PLACE_SOCKET,  /* a Unix socket that --connect names */
    CLIENT_PLACE_RELAY,   /* a TCP port */
    CLIENT_PLACE_SERVICE, /* of --service */
};

/* Returns the enclave's name, or its ID if it has none. */
const char *client_text_name(const struct vsa_enclave *enclave);

/* Prints on stderr which enclave nitro-cli found. */
void client_text_announce(const struct vsa_enclave *enclave);

/* Warns on stderr of a sealed request that stands among the arguments. */
void client_text_exposed(const struct client_arguments *arguments);

/* Warns on stderr of enclaves that nitro-cli could not reach. */
void client_text_unreachable(const struct vsa_enclave_list *running);

/* Prints an error, and what to do about it, on stderr. */
void client_text_failure(const struct vsa_error *error, enum client_place place,
                         const struct vsa_enclave_list *running);

/*
 * Prints a failure as --json does of whatever went wrong, and on stderr what keeps it from being
 * printed.
 */
void client_text_json(const struct vsa_error *error, bool verifying,
                      const struct vsa_enclave_list *running);

/*
 * Reports that the result could not be printed: on stderr, and where nothing of its JSON was
 * written, for want of memory, as JSON too.
 */
void client_text_unprinted(const struct client_arguments *arguments, const struct vsa_error *error);

#endif
