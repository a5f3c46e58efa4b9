/* SPDX-License-Identifier: Apache-2.0 */
/* Which commands there are, and running one. Knows no server: contexts are the caller's. */
#ifndef VSA_SERVER_COMMAND_TABLE_H
#define VSA_SERVER_COMMAND_TABLE_H

#include "sealing/sealing.h"
#include <vsattest/server.h>

/* What a command is to the pipeline, besides its flags. */
enum vsa_command_role {
    VSA_ROLE_PROGRAM, /* a program's own */
    VSA_ROLE_BACKEND, /* sent to a backend, which is the `user` */
    /* Built in from here on; of these, others may take the place of the first three. */
    VSA_ROLE_PING,
    VSA_ROLE_ATTEST,   /* decoded once, may share its reply */
    VSA_ROLE_SUMMARY,  /* how the server is: dear to print, the same for all who ask */
    VSA_ROLE_SEAL_KEY, /* these two are the pipeline's own: no handler is called, no program has */
    VSA_ROLE_SEALED,   /* one of this name, and VSA_COMMAND_ANY does not see them */
};

struct vsa_command_row {
    struct vsa_command command; /* its name is the next member */
    char name[VSA_MAX_COMMAND_NAME + 1];
    enum vsa_command_role role;
};

/* Zeroed: empty. */
struct vsa_command_table {
    struct vsa_command_row rows[VSA_MAX_COMMANDS];
    size_t count;
    const struct vsa_command_row *catch_all; /* of VSA_COMMAND_ANY, or NULL */
    const struct vsa_command_row *other;     /* for what no other row answers, or NULL */
};

/*
 * Adds a command, which is copied, or, unless it is a backend's, puts it in the place of a built-in
 * one. VSA_COMMAND_ANY of a backend is for what no other row answers.
 *
 * Errors: VSA_ERR_ARGUMENT, VSA_ERR_TOO_MANY.
 */
VSA_MUST_USE enum vsa_status vsa_command_table_add(struct vsa_command_table *table,
                                                   const struct vsa_command *command,
                                                   enum vsa_command_role role,
                                                   struct vsa_error *error);

/*
 * Returns the row that answers requests for `name`, or NULL.
 *
 * named  out: the row that such a request is counted as; set with a result
 */
const struct vsa_command_row *vsa_command_table_find(const struct vsa_command_table *table,
                                                     const char *name,
                                                     const struct vsa_command_row **named);

/* Adds "available_commands" to a reply, if memory allows. */
void vsa_command_table_list(const struct vsa_command_table *table, json_t *reply);

/*
 * Runs the handler of a row. `reply`, an empty object, becomes what it answered, without `id`, or
 * the failure; `error` is set with a failure, and not NULL. Any thread.
 *
 * origin  in: what vsa_server_sealed() answers meanwhile; NULL: the request came in clear
 */
enum vsa_status vsa_command_run(const struct vsa_command_table *table,
                                const struct vsa_command_row *row, struct vsa_server *server,
                                struct vsa_nsm *nsm, const struct vsa_origin *origin,
                                const json_t *request, json_t *reply, struct vsa_error *error);

#endif
