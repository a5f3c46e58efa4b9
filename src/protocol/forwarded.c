/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/forwarded.h"

#include <string.h>

#include "base/error.h"

/* The member that is the server's. */
#define OWN_MEMBER "vsattest"

/* --- requests --------------------------------------------------------------------------------- */

/* Makes the member. Returns NULL when memory is short. */
static json_t *describe(const struct vsa_forwarded_facts *facts)
{
    return json_pack("{s:b, s:o, s:o, s:o}", "sealed", facts->sealed, "aad",
                     facts->aad.size ? vsa_json_base64(facts->aad) : json_null(), "peer",
                     facts->cid ? json_integer(facts->cid) : json_null(), "sender",
                     facts->sender[0] ? json_string(facts->sender) : json_null());
}

/*
 * Returns whether an application may take the member for another one, of small letters. JSON
 * libraries that fill structs often ignore case, and Go's takes U+017F for an s: what the server
 * knows of the request, and whom it lets send it, would be another one's.
 */
static bool may_be_taken_for(const char *member, const char *name)
{
    for (; *name; name++) {
        if ((*member | 0x20) == *name)
            member++;
        else if (*name == 's' && strncmp(member, "\xc5\xbf", 2) == 0)
            member += 2;
        else
            return false;
    }
    return *member == '\0';
}

static enum vsa_status check_members(json_t *object, struct vsa_error *error)
{
    const char *member;
    json_t *value;
    json_object_foreach(object, member, value)
    {
        if (may_be_taken_for(member, OWN_MEMBER))
            return vsa_fail(error, VSA_ERR_FIELD,
                            "\"" OWN_MEMBER
                            "\" is what the server says of a request: leave it out");
        if (strcmp(member, "command") != 0 && may_be_taken_for(member, "command"))
            return vsa_fail(error, VSA_ERR_FIELD,
                            "a member may be taken for \"command\" where case is ignored: leave "
                            "it out");
    }
    return VSA_OK;
}

enum vsa_status vsa_forwarded_encode(json_t *object, const struct vsa_forwarded_facts *facts,
                                     char *buffer, struct vsa_slice *line, struct vsa_error *error)
{
    size_t size = 0;
    VSA_TRY(check_members(object, error));
    if (json_object_set_new(object, OWN_MEMBER, describe(facts)) != 0)
        return vsa_fail_memory(error);
    enum vsa_status status = vsa_json_write_line(object, buffer, VSA_MAX_REPLY_LINE, &size, error);
    if (status == VSA_ERR_BUFFER)
        return vsa_fail(error, VSA_ERR_TOO_LARGE,
                        "with \"" OWN_MEMBER "\" the request has more than %d bytes",
                        VSA_MAX_REPLY_LINE);
    VSA_TRY(status);
    *line = vsa_slice_of(buffer, size);
    return VSA_OK;
}

/* --- replies ---------------------------------------------------------------------------------- */

static enum vsa_status status_of(const json_t *reply)
{
    const char *code = json_string_value(json_object_get(reply, "error_code"));
    if (json_is_true(json_object_get(reply, "success")))
        return VSA_OK;
    enum vsa_status status = code ? vsa_status_from_code(code) : VSA_ERR_INTERNAL;
    /* A code of the application's own is no fault of the server's. */
    return status == VSA_ERR_INTERNAL ? VSA_ERR_REQUEST : status;
}

enum vsa_status vsa_forwarded_reply_decode(struct vsa_slice line, json_t **reply,
                                           enum vsa_status *said, struct vsa_error *error)
{
    struct vsa_error why;
    if (vsa_json_parse(line, reply, &why) != VSA_OK)
        return vsa_fail(error, VSA_ERR_BACKEND, "the backend's reply: %s", why.detail);
    if (!json_is_boolean(json_object_get(*reply, "success")))
        return vsa_fail(error, VSA_ERR_BACKEND,
                        "the backend's reply has no member \"success\", true or false");
    *said = status_of(*reply);
    return VSA_OK;
}
