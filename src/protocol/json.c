/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/json.h"

#include "base/error.h"
#include "json/load.h"

bool vsa_json_is_blank(struct vsa_slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r')
            return false;
    return true;
}

enum vsa_status vsa_json_parse(struct vsa_slice text, json_t **object, struct vsa_error *error)
{
    static const struct vsa_json_limits limits = {
        .name = "the line",
        .max_size = VSA_MAX_REPLY_LINE,
        .max_depth = VSA_MAX_JSON_DEPTH,
        .allow_nul = true,
    };
    return vsa_json_load_object(text, &limits, object, error);
}

enum vsa_status vsa_json_write_line(const json_t *object, char *buffer, size_t capacity,
                                    size_t *size, struct vsa_error *error)
{
    size_t needed = json_dumpb(object, buffer, capacity, JSON_COMPACT);
    if (needed == 0)
        return vsa_fail(error, VSA_ERR_MEMORY, "cannot write JSON");
    if (needed >= capacity)
        return vsa_fail(error, VSA_ERR_BUFFER, "a line of %zu bytes does not fit into %zu",
                        needed + 1, capacity);
    buffer[needed] = '\n';
    *size = needed + 1;
    return VSA_OK;
}
