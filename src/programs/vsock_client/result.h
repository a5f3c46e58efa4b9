/* SPDX-License-Identifier: Apache-2.0 */
/* The output of vsock_client --json: docs/PROTOCOL.md, "Output of vsock_client". */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_RESULT_H
#define VSA_PROGRAMS_VSOCK_CLIENT_RESULT_H

#include "programs/vsock_client/session.h"
#include "json/writer.h"
#include <vsattest/report.h>

/*
 * Returns a new reference, or NULL when memory is short, as all of these do: the result of nothing
 * received: {"success": false, "error", "error_code"}, with
 * "verified": false if it was to be verified, and "enclaves" if there are several to choose from.
 */
json_t *client_result_failed(const struct vsa_error *error, bool verifying,
                             const struct vsa_enclave_list *running);

/*
 * Prints that, as --json does of whatever went wrong, and on stderr what keeps it from being
 * printed.
 */
void client_result_print_failed(const struct vsa_error *error, bool verifying,
                                const struct vsa_enclave_list *running);

/*
 * Reports that the result could not be printed: on stderr, and where nothing of its JSON was
 * written, for want of memory, as JSON too.
 */
void client_result_unprinted(const struct client_arguments *arguments,
                             const struct vsa_error *error);

/*
 * Returns the action's output with --json. `saving`: error of --save; NULL: it succeeded or was not
 * given.
 */
json_t *client_result_of(const struct client_arguments *arguments,
                         const struct client_outcome *outcome,
                         const struct vsa_enclave_list *running, const struct vsa_error *saving);

/* Returns what the enclave sent, not verified, and "verified": false. */
json_t *client_result_received(const struct client_outcome *outcome);

/* Returns the same members, taken from the verified document, and "verification". */
json_t *client_result_verified(const struct client_outcome *outcome);

/* Returns the document, not read by us, "verified" as the service says, its token and claims. */
json_t *client_result_appraised(const struct client_outcome *outcome);

/* Returns an enclave's "name" (or null), "id", "cid", "debug_mode". */
json_t *client_result_enclave(const struct vsa_enclave *enclave);

/* Puts the sentence and the code of an error, as members `key` and "error_code". */
void client_result_put_error(struct vsa_json_writer *writer, const char *key,
                             const struct vsa_error *error);

#endif
