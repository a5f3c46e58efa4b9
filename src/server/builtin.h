/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in commands: ping, status, attest, metrics. */
#ifndef VSA_SERVER_BUILTIN_H
#define VSA_SERVER_BUILTIN_H

#include "server/request.h"

/* Adds them to the table of all. Errors: VSA_ERR_TOO_MANY. */
VSA_MUST_USE enum vsa_status vsa_builtin_add(struct vsa_requests *all, struct vsa_error *error);

/*
 * Carries out `attest`, in the NSM's thread.
 *
 * reply    in/out: gets the members of the reply
 * life_ms  out: how long the document may be given again; NULL: not asked for
 *
 * Errors: those of the NSM and of on_key; VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_builtin_attest(const struct vsa_server_options *options,
                                                struct vsa_nsm *nsm,
                                                const struct vsa_attest_request *asked,
                                                json_t *reply, int64_t *life_ms,
                                                struct vsa_error *error);

/*
 * Carries out `seal_key`, in the NSM's thread: a document about the sealing key, for a nonce.
 *
 * reply  in/out: gets the members of the reply
 *
 * Errors: those of the NSM; VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_builtin_seal_key(struct vsa_nsm *nsm, struct vsa_slice nonce,
                                                  const struct vsa_seal_offer *offer, json_t *reply,
                                                  struct vsa_error *error);

/* Adds `seal_key` and `sealed`. Errors: VSA_ERR_ARGUMENT (a program's own has the name). */
VSA_MUST_USE enum vsa_status vsa_builtin_add_sealing(struct vsa_command_table *table,
                                                     struct vsa_error *error);

/* Carries out the command that the request names: vsa_server_run_builtin(). */
VSA_MUST_USE enum vsa_status vsa_builtin_run(struct vsa_requests *all, struct vsa_nsm *nsm,
                                             const json_t *request, json_t *reply,
                                             struct vsa_error *error);

#endif
