/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/request.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/printable.h"
#include "verifierd/limits.h"
#include "json/load.h"

static const struct vsa_json_limits limits = {
    .name = "the body",
    .max_size = VSA_SERVICE_MAX_BODY,
    .max_depth = VSA_SERVICE_MAX_BODY_DEPTH,
};

/* A member of the body, and where its bytes go. */
struct member {
    const char *name;
    bool required;
    struct vsa_slice *value;
};

static const struct member *find_member(const struct member *members, size_t count,
                                        const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

/* Reads an object's members; `apart` is of vsa_json_load_object_apart(). */
static enum vsa_status read_members(json_t *object, struct vsa_slice apart,
                                    const struct member *members, size_t count,
                                    struct vsa_error *error)
{
    const char *name;
    json_t *value;
    for (size_t i = 0; i < count; i++)
        if (members[i].required && !json_object_get(object, members[i].name))
            return vsa_fail(error, VSA_ERR_REQUEST, "the body has no \"%s\"", members[i].name);
    json_object_foreach(object, name, value)
    {
        const struct member *member = find_member(members, count, name);
        if (!member)
            return vsa_fail(error, VSA_ERR_REQUEST, "the body has a member that is not known");
        if (!json_is_string(value))
            return vsa_fail(error, VSA_ERR_REQUEST, "\"%s\" is not a string", member->name);
        *member->value = vsa_json_apart_slice(value, apart);
    }
    return VSA_OK;
}

enum vsa_status vsa_challenge_request_parse(struct vsa_slice body, json_t **json,
                                            struct vsa_slice *policy, struct vsa_error *error)
{
    const struct member members[] = {{"policy", true, policy}};
    VSA_TRY(vsa_json_load_object(body, &limits, json, error));
    return read_members(*json, (struct vsa_slice){0}, members, 1, error);
}

enum vsa_status vsa_audience_check(struct vsa_slice audience, struct vsa_error *error)
{
    if (audience.data &&
        (!audience.size || audience.size > VSA_MAX_TOKEN_TEXT || !vsa_printable_all(audience)))
        return vsa_fail(error, VSA_ERR_REQUEST,
                        "the audience is not 1 to %d bytes of printable text", VSA_MAX_TOKEN_TEXT);
    return VSA_OK;
}

enum vsa_status vsa_verify_request_parse(struct vsa_slice body, uint8_t *buffer, size_t capacity,
                                         struct vsa_verify_request *request,
                                         struct vsa_error *error)
{
    struct vsa_slice text = {0};
    const struct member members[] = {
        {"document", true, &text},
        {"policy", true, &request->policy},
        {"challenge", false, &request->challenge},
        {"audience", false, &request->audience},
    };
    struct vsa_slice apart;
    VSA_TRY(vsa_json_load_object_apart(body, &limits, &request->json, &apart, error));
    VSA_TRY(
        read_members(request->json, apart, members, sizeof(members) / sizeof(members[0]), error));
    VSA_TRY(vsa_audience_check(request->audience, error));
    if (!text.size)
        return vsa_fail(error, VSA_ERR_REQUEST, "the document is empty");
    return vsa_base64_decode(text, VSA_BASE64_URL | VSA_BASE64_UNPADDED, buffer, capacity,
                             &request->document, error);
}

void vsa_verify_request_free(struct vsa_verify_request *request)
{
    json_decref(request->json);
    request->json = NULL;
}
