/* SPDX-License-Identifier: Apache-2.0 */
/* What vsock_client --json prints: docs/PROTOCOL.md, "Output of vsock_client". */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_RESULT_H
#define VSA_PROGRAMS_VSOCK_CLIENT_RESULT_H

#include "programs/vsock_client/session.h"
#include "json/writer.h"
#include <vsattest/report.h>

/*
 * All give new references, or NULL when memory is short.
 *
 * Nothing was received: {"success": false, "error", "error_code"}, with "verified": false when
 * verification was asked for, and "enclaves" if there are several to choose from.
 */
json_t *client_result_failed(const struct vsa_error *error, bool verifying,
                             const struct vsa_enclave_list *running);

/*
 * What the action alone prints with --json. `saving`: what became of --save, NULL if all is well or
 * it was not asked for.
 */
json_t *client_result_of(const struct client_arguments *arguments,
                         const struct client_outcome *outcome,
                         const struct vsa_enclave_list *running, const struct vsa_error *saving);

/* What arrived, not verified: the enclave's word, and "verified": false. */
json_t *client_result_received(const struct client_outcome *outcome);

/* The same members by the word of the document, and "verification". */
json_t *client_result_verified(const struct client_outcome *outcome);

/* One enclave: "name" (or null), "id", "cid", "debug_mode". */
json_t *client_result_enclave(const struct vsa_enclave *enclave);

/* Puts the sentence and the code of an error, as members `key` and "error_code". */
void client_result_put_error(struct vsa_json_writer *writer, const char *key,
                             const struct vsa_error *error);

#endif
