/* SPDX-License-Identifier: Apache-2.0 */
#include "server/command_table.h"

#include <string.h>

#include "base/error.h"
#include "protocol/json.h"
#include "server/reply.h"

static bool is_command_name(const char *name)
{
    size_t size = name ? strlen(name) : 0;
    return size > 0 && size <= VSA_MAX_COMMAND_NAME &&
           (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == size ||
            strcmp(name, VSA_COMMAND_ANY) == 0);
}

static bool are_flags(unsigned flags)
{
    unsigned thread = flags & ~(VSA_COMMAND_RATE_LIMITED | VSA_COMMAND_SEALED_ONLY);
    return thread == 0 || thread == VSA_COMMAND_NSM || thread == VSA_COMMAND_BLOCKING;
}

static enum vsa_status check(const struct vsa_command *command, enum vsa_command_role role,
                             struct vsa_error *error)
{
    if (role == VSA_ROLE_PROGRAM && !command->handler)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a command without a handler");
    if (!is_command_name(command->name))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "a command's name has 1 to %d characters of a-z 0-9 _ -",
                        VSA_MAX_COMMAND_NAME);
    if (!are_flags(command->flags))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%s: flags are VSA_COMMAND_NSM or _BLOCKING, _RATE_LIMITED and "
                        "_SEALED_ONLY",
                        command->name);
    return VSA_OK;
}

static struct vsa_command_row *find(struct vsa_command_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].name, name) == 0)
            return &table->rows[i];
    return NULL;
}

static bool may_be_replaced(const struct vsa_command_row *row)
{
    return row->role >= VSA_ROLE_PING && row->role <= VSA_ROLE_SUMMARY;
}

enum vsa_status vsa_command_table_add(struct vsa_command_table *table,
                                      const struct vsa_command *command, enum vsa_command_role role,
                                      struct vsa_error *error)
{
    VSA_TRY(check(command, role, error));
    struct vsa_command_row *row = find(table, command->name);
    if (row && strcmp(row->name, VSA_COMMAND_ANY) == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "all other commands are answered already: name those that are meant");
    if (row && role == VSA_ROLE_BACKEND && row->role >= VSA_ROLE_PING)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "\"%s\" is a command of the server's own, which no backend answers",
                        command->name);
    if (row && !may_be_replaced(row))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "there is a command \"%s\" already",
                        command->name);
    if (!row && table->count == VSA_MAX_COMMANDS)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "more than %d commands", VSA_MAX_COMMANDS);
    if (!row)
        row = &table->rows[table->count++];
    *row = (struct vsa_command_row){.command = *command, .role = role};
    memcpy(row->name, command->name, strlen(command->name) + 1);
    row->command.name = row->name;
    if (strcmp(row->name, VSA_COMMAND_ANY) == 0)
        *(role == VSA_ROLE_BACKEND ? &table->other : &table->catch_all) = row;
    return VSA_OK;
}

/* Returns whether the row answers one command by its name. */
static bool is_of_a_name(const struct vsa_command_table *table, const struct vsa_command_row *row)
{
    return row != table->catch_all && row != table->other;
}

const struct vsa_command_row *vsa_command_table_find(const struct vsa_command_table *table,
                                                     const char *name,
                                                     const struct vsa_command_row **named)
{
    const struct vsa_command_row *row = NULL;
    for (size_t i = 0; i < table->count && !row; i++)
        if (is_of_a_name(table, &table->rows[i]) && strcmp(table->rows[i].name, name) == 0)
            row = &table->rows[i];
    if (!row)
        row = table->other;
    bool goes_to_catch_all = table->catch_all && (!row || may_be_replaced(row));
    *named = row ? row : table->catch_all;
    return goes_to_catch_all ? table->catch_all : row;
}

void vsa_command_table_list(const struct vsa_command_table *table, json_t *reply)
{
    json_t *names = json_array();
    for (size_t i = 0; i < table->count; i++)
        if (is_of_a_name(table, &table->rows[i]))
            (void)json_array_append_new(names, json_string_nocheck(table->rows[i].name));
    (void)json_object_set_new_nocheck(reply, "available_commands", names);
}

/* --- running one ------------------------------------------------------------------------------ */

/* Handlers get a context that programs made before there were sealed requests, and may copy. */
static _Thread_local const struct vsa_origin *present;

bool vsa_server_sealed(const struct vsa_command_context *context, struct vsa_slice *aad)
{
    (void)context;
    if (present && aad)
        *aad = vsa_slice_of(present->aad, present->aad_size);
    return present != NULL;
}

const char *vsa_server_sender(const struct vsa_command_context *context)
{
    (void)context;
    return present && present->sender[0] ? present->sender : NULL;
}

enum vsa_status vsa_command_run(const struct vsa_command_table *table,
                                const struct vsa_command_row *row, struct vsa_server *server,
                                struct vsa_nsm *nsm, const struct vsa_origin *origin,
                                const json_t *request, json_t *reply, struct vsa_error *error)
{
    const struct vsa_command *command = &row->command;
    struct vsa_command_context context = {.user = command->user, .nsm = nsm, .server = server};
    /* Handlers of others may fill in only what they need. */
    *error = (struct vsa_error){.offset = VSA_NO_OFFSET};
    enum vsa_status status = vsa_json_set(reply, "success", json_true(), error);
    present = origin;
    if (status == VSA_OK)
        status = command->handler ? command->handler(&context, request, reply, error)
                                  : vsa_fail(error, VSA_ERR_INTERNAL, "there is no handler");
    present = NULL;
    /* The request's own is added to the text. */
    if (json_object_get(request, "id"))
        (void)json_object_del(reply, "id");
    if (status == VSA_OK)
        return VSA_OK;
    /* A handler may return a status and say nothing more. */
    if (error->detail[0] == '\0' || error->status != status)
        vsa_error_set(error, status, VSA_NO_OFFSET, NULL, "%s", vsa_status_text(status));
    vsa_reply_fail(reply, error);
    if (status == VSA_ERR_UNKNOWN_COMMAND)
        vsa_command_table_list(table, reply);
    return status;
}
