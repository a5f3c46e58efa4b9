/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to the line that answers it; used in the loop and in the NSM's thread alike. */
#ifndef VSA_SERVER_ANSWER_H
#define VSA_SERVER_ANSWER_H

#include <vsattest/server.h>

/*
 * Runs a command. `reply`, an empty object, becomes what it answered, or the error it failed with.
 * `nsm` may be NULL, `error` not. Returns how the request was answered, with the reason in `error`.
 */
enum vsa_status vsa_answer_run(const struct vsa_command *command, struct vsa_server *server,
                               struct vsa_nsm *nsm, const json_t *request, json_t *reply,
                               struct vsa_error *error);

/* Makes `reply` say `error`. */
void vsa_answer_error(json_t *reply, const struct vsa_error *error);

/*
 * Writes the reply with the `id`, which may be NULL, as one line of at most VSA_MAX_REPLY_LINE
 * bytes; `buffer` has room for that. A reply that is too large, nested too deep, or that memory is
 * too short for becomes an error instead.
 *
 * size  out: the line's; always set
 *
 * Returns VSA_OK, or VSA_ERR_TOO_LARGE, VSA_ERR_INTERNAL or VSA_ERR_MEMORY: what the line says
 * instead.
 */
enum vsa_status vsa_answer_write(json_t *reply, json_t *id, char *buffer, size_t *size);

#endif
