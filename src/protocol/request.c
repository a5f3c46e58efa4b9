/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/request.h"

#include "base/error.h"

json_t *vsa_request_new(const char *command)
{
    struct vsa_json_writer request = vsa_json_object();
    vsa_json_put(&request, "command", json_string(command));
    return vsa_json_finish(&request);
}

enum vsa_status vsa_request_command(const json_t *request, const char **command,
                                    struct vsa_error *error)
{
    json_t *value = vsa_json_get(request, "command");
    if (!value)
        return vsa_fail(error, VSA_ERR_REQUEST,
                        "the request has no \"command\"; for example: {\"command\": \"status\"}");
    if (!json_is_string(value))
        return vsa_fail(error, VSA_ERR_FIELD, "\"command\" must be a string");
    /* "ping\u0000x" must not pass for "ping". */
    if (strlen(json_string_value(value)) != json_string_length(value))
        return vsa_fail(error, VSA_ERR_FIELD, "\"command\" must not hold U+0000");
    *command = json_string_value(value);
    return VSA_OK;
}

enum vsa_status vsa_request_id(const json_t *request, json_t **id, struct vsa_error *error)
{
    json_t *value = vsa_json_get(request, "id");
    if (value && !json_is_string(value) && !json_is_integer(value))
        return vsa_fail(error, VSA_ERR_FIELD, "\"id\" must be a string or an integer");
    if (json_string_length(value) > VSA_MAX_REQUEST_ID)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "\"id\" is longer than %d bytes",
                        VSA_MAX_REQUEST_ID);
    *id = value;
    return VSA_OK;
}
