/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outcomes as vsock_client --json prints them: docs/PROTOCOL.md, "Output of vsock_client". All
 * functions return a new reference, or NULL when memory is short.
 */
#ifndef VSA_QUERY_OUTCOME_JSON_H
#define VSA_QUERY_OUTCOME_JSON_H

#include "query/query.h"
#include "json/writer.h"

/* A file that was to have the document or the metrics. */
struct vsa_outcome_file {
    const char *path;
    const struct vsa_error *error; /* NULL: it has them */
};

/*
 * Returns what came of a query.
 *
 * running  in: what nitro-cli showed, for choosing from
 * file     in: NULL if nothing was to be saved
 */
json_t *vsa_outcome_json(enum vsa_query_kind kind, const struct vsa_outcome *outcome,
                         const struct vsa_enclave_list *running,
                         const struct vsa_outcome_file *file);

/*
 * Returns the outcome of nothing received: {"success": false, "error", "error_code"}, with
 * "verified": false if it was to be verified, and "enclaves" if there are several to choose from.
 */
json_t *vsa_failure_json(const struct vsa_error *error, bool verifying,
                         const struct vsa_enclave_list *running);

/* Returns an enclave's "name" (or null), "id", "cid", "debug_mode". */
json_t *vsa_enclave_json(const struct vsa_enclave *enclave);

/* Puts the sentence and the code of an error, as members `key` and "error_code". */
void vsa_outcome_put_error(struct vsa_json_writer *writer, const char *key,
                           const struct vsa_error *error);

#endif
