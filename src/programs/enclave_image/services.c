/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_image/services.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "command_line/numbers.h"

/* 4294967295 is -1, no user's. */
#define LAST_ID 4294967294

enum vsa_status list_append(struct list *list, const char *value, struct vsa_error *error)
{
    const char **items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!items)
        return vsa_fail_memory(error);
    items[list->count++] = value;
    list->items = items;
    return VSA_OK;
}

void program_free(struct program *program)
{
    free(program->words.items);
    free(program->variables.items);
}

enum vsa_status program_take_service(struct program *program, const char *value,
                                     struct vsa_error *error)
{
    const char *equals = strchr(value, '=');
    size_t length = equals ? (size_t)(equals - value) : 0;
    if (!equals || length >= sizeof(program->name) || equals[1] != '/')
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--service '%.120s' is not NAME=/PROGRAM", value);
    *program = (struct program){.service.program = equals + 1};
    memcpy(program->name, value, length);
    return VSA_OK;
}

static enum vsa_status fail_twice(const char *option, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_ARGUMENT, "%s given twice for one program", option);
}

enum vsa_status program_take_user(struct program *program, const char *value,
                                  struct vsa_error *error)
{
    char user[16] = "";
    uint64_t uid = 0;
    uint64_t gid = 0;
    size_t length = strcspn(value, ":");
    if (program->has_user)
        return fail_twice("--user", error);
    if (length >= sizeof(user))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--user UID[:GID]: '%.40s' has too many digits for a UID", value);
    memcpy(user, value, length);
    VSA_TRY(numbers_parse("--user UID[:GID]", user, 0, LAST_ID, &uid, error));
    if (value[length])
        VSA_TRY(numbers_parse("--user UID:GID", value + length + 1, 0, LAST_ID, &gid, error));
    else
        gid = uid;
    if (!uid != !gid)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--user %.40s: 0 is root's, as a user and as a group: neither or both",
                        value);
    program->has_user = true;
    program->service.user = (uint32_t)uid;
    program->service.group = (uint32_t)gid;
    return VSA_OK;
}

enum vsa_status program_take_restart(struct program *program, const char *value,
                                     struct vsa_error *error)
{
    static const char *const names[] = {"on-failure", "always", "never"};
    if (!program->service.program)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--restart comes after the --service it is for");
    if (program->has_restart)
        return fail_twice("--restart", error);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(value, names[i]) == 0) {
            program->service.restart = (enum vsa_image_restart)i;
            program->has_restart = true;
            return VSA_OK;
        }
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "--restart '%.40s' is none of on-failure, always, never", value);
}

enum vsa_status program_take_socket(struct program *program, const char *value,
                                    struct vsa_error *error)
{
    if (!program->service.program)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--socket comes after the --service it is for");
    if (program->service.socket)
        return fail_twice("--socket", error);
    program->service.socket = value;
    return VSA_OK;
}

struct vsa_image_service program_service(const struct program *program)
{
    struct vsa_image_service service = program->service;
    service.name = program->name;
    service.arguments = program->words.items;
    service.argument_count = program->words.count;
    service.environment = program->variables.items;
    service.environment_count = program->variables.count;
    return service;
}
