/* SPDX-License-Identifier: Apache-2.0 */
#include "server/status.h"

#include <jansson.h>

#include "base/error.h"
#include "crypto/version.h"
#include "protocol/json.h"

/* Returns member `name` of the reply, an object, borrowed; creates it if there is none. */
static json_t *group(json_t *reply, struct vsa_json_writer *writer, const char *name)
{
    if (!name)
        return reply;
    if (!json_object_get(reply, name))
        vsa_json_put(writer, name, json_object());
    return json_object_get(reply, name);
}

static json_t *value_of(const struct vsa_quantity *quantity, const struct vsa_snapshot *snapshot)
{
    int64_t value = vsa_quantity_value(quantity, snapshot);
    if (value < 0)
        return json_null();
    return json_integer(quantity->unit == VSA_UNIT_US_MS ? value / 1000 : value);
}

static json_t *commands(const struct vsa_server_statistics *statistics)
{
    struct vsa_json_writer all = vsa_json_object();
    for (size_t i = 0; i < statistics->command_count; i++) {
        const struct vsa_command_statistics *command = &statistics->commands[i];
        vsa_json_put(&all, command->name,
                     json_pack("{s:I,s:I}", "requests", (json_int_t)command->requests, "errors",
                               (json_int_t)command->errors));
    }
    return vsa_json_finish(&all);
}

static json_t *libraries(void)
{
    return json_pack("{s:s,s:s,s:s}", "vsattest", vsa_version(), "libcrypto", vsa_crypto_version(),
                     "jansson", jansson_version_str());
}

/* Returns null for a server that takes no sealed requests. */
static json_t *sealing(const struct vsa_server_statistics *statistics)
{
    const char *suite = statistics->sealing_kem == VSA_SEALING_P384 ? "p384" : "x25519";
    if (statistics->sealing_kem == 0)
        return json_null();
    return json_pack("{s:s,s:I,s:I,s:I}", "suite", suite, "key_id",
                     (json_int_t)statistics->sealing_key_id, "age_ms",
                     (json_int_t)statistics->sealing_age_ms, "uses",
                     (json_int_t)statistics->sealing_uses);
}

enum vsa_status vsa_service_add_statistics(const struct vsa_snapshot *snapshot, json_t *reply,
                                           struct vsa_error *error)
{
    struct vsa_json_writer writer = vsa_json_extend(reply);
    for (size_t i = 0; i < vsa_quantity_count; i++) {
        const struct vsa_quantity *quantity = &vsa_quantities[i];
        json_t *object = quantity->member ? group(reply, &writer, quantity->group) : NULL;
        if (object == reply)
            vsa_json_put(&writer, quantity->member, value_of(quantity, snapshot));
        else if (object && json_object_set_new_nocheck(object, quantity->member,
                                                       value_of(quantity, snapshot)) != 0)
            vsa_json_put(&writer, quantity->member, NULL); /* memory was short */
    }
    vsa_json_put(&writer, "commands", commands(&snapshot->statistics));
    vsa_json_put(&writer, "sealing", sealing(&snapshot->statistics));
    vsa_json_put(&writer, "libraries", libraries());
    return vsa_json_close(&writer, error);
}
