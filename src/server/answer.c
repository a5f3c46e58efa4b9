/* SPDX-License-Identifier: Apache-2.0 */
#include "server/answer.h"

#include "base/error.h"
#include "protocol/reply.h"
#include "server/internal.h"

/* Says what needs no memory to be said. */
static const char out_of_memory_line[] =
    "{\"success\":false,\"error\":\"out of memory\",\"error_code\":\"out_of_memory\"}\n";

void vsa_answer_error(json_t *reply, const struct vsa_error *error)
{
    /* A reply that cannot be filled is found when it is written. */
    if (vsa_reply_set_error(reply, error, NULL) != VSA_OK)
        (void)json_object_clear(reply);
}

enum vsa_status vsa_answer_run(const struct vsa_command *command, struct vsa_server *server,
                               struct vsa_nsm *nsm, const json_t *request, json_t *reply,
                               struct vsa_error *error)
{
    struct vsa_command_context context = {.user = command->user, .nsm = nsm, .server = server};
    /* Handlers of others may fill in only what they need. */
    *error = (struct vsa_error){.offset = VSA_NO_OFFSET};
    enum vsa_status status = vsa_json_set(reply, "success", json_true(), error);
    if (status == VSA_OK)
        status = command->handler(&context, request, reply, error);
    if (status == VSA_OK)
        return VSA_OK;
    /* A handler may return a status and say nothing more. */
    if (error->detail[0] == '\0' || error->status != status)
        vsa_error_set(error, status, VSA_NO_OFFSET, NULL, "%s", vsa_status_text(status));
    vsa_answer_error(reply, error);
    if (status == VSA_ERR_UNKNOWN_COMMAND)
        vsa_commands_list(server, reply);
    return status;
}

/* Whether it has more than `levels` of objects and arrays; looks no deeper than that. */
/* NOLINTNEXTLINE(misc-no-recursion): `levels` bounds it */
static bool is_deeper(json_t *value, int levels)
{
    const char *key;
    json_t *member;
    size_t i;
    if (!json_is_object(value) && !json_is_array(value))
        return false;
    if (levels == 0)
        return true;
    json_object_foreach(value, key, member) if (is_deeper(member, levels - 1)) return true;
    json_array_foreach(value, i, member) if (is_deeper(member, levels - 1)) return true;
    return false;
}

static enum vsa_status write_line(json_t *reply, json_t *id, char *buffer, size_t *size)
{
    /* Every answer says how the request went; only memory can have kept it from doing so. */
    if (!json_object_get(reply, "success"))
        return VSA_ERR_MEMORY;
    if (id && json_object_set_nocheck(reply, "id", id) != 0)
        return VSA_ERR_MEMORY;
    if (is_deeper(reply, VSA_MAX_JSON_DEPTH))
        return VSA_ERR_NESTING;
    return vsa_json_write_line(reply, buffer, VSA_MAX_REPLY_LINE, size, NULL);
}

/* Why a reply is not sent that the client would have to refuse. */
static enum vsa_status refuse_reply(enum vsa_status reason, struct vsa_error *error)
{
    if (reason == VSA_ERR_NESTING)
        return vsa_fail(error, VSA_ERR_INTERNAL, "the reply is nested deeper than %d levels",
                        VSA_MAX_JSON_DEPTH);
    return vsa_fail(error, VSA_ERR_TOO_LARGE, "the reply is larger than %d bytes",
                    VSA_MAX_REPLY_LINE);
}

enum vsa_status vsa_answer_write(json_t *reply, json_t *id, char *buffer, size_t *size)
{
    struct vsa_error error;
    enum vsa_status status = write_line(reply, id, buffer, size);
    if (status == VSA_ERR_BUFFER || status == VSA_ERR_NESTING) {
        status = refuse_reply(status, &error);
        vsa_answer_error(reply, &error);
        if (write_line(reply, id, buffer, size) == VSA_OK)
            return status;
    }
    if (status == VSA_OK)
        return VSA_OK;
    memcpy(buffer, out_of_memory_line, sizeof(out_of_memory_line) - 1);
    *size = sizeof(out_of_memory_line) - 1;
    return VSA_ERR_MEMORY;
}
