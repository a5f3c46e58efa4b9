/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/json.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/json_depth.h"
#include "base/slice.h"

#define RULE "RFC 8259"

bool vsa_json_is_blank(struct vsa_slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r')
            return false;
    return true;
}

static enum vsa_status parse_failed(const json_error_t *cause, struct vsa_error *error)
{
    size_t offset = cause->position >= 0 ? (size_t)cause->position : VSA_NO_OFFSET;
    enum json_error_code code = json_error_code(cause);
    if (code == json_error_out_of_memory)
        return vsa_fail_memory(error);
    if (code == json_error_duplicate_key)
        return vsa_fail_at(error, VSA_ERR_DUPLICATE_KEY, offset, RULE, "the same key twice");
    /* jansson quotes the input after " near ": it may be user data, which has no place in logs. */
    const char *quote = strstr(cause->text, " near ");
    int size = quote ? (int)(quote - cause->text) : (int)strlen(cause->text);
    return vsa_fail_at(error, VSA_ERR_JSON, offset, RULE, "not valid JSON: %.*s", size,
                       cause->text);
}

enum vsa_status vsa_json_parse(struct vsa_slice text, json_t **object, struct vsa_error *error)
{
    json_error_t cause;
    if (vsa_json_is_blank(text))
        return vsa_fail_at(error, VSA_ERR_EMPTY, 0, NULL, "an empty line");
    if (text.size > VSA_MAX_REPLY_LINE)
        return vsa_fail_at(error, VSA_ERR_TOO_LARGE, VSA_MAX_REPLY_LINE, NULL,
                           "a line of more than %d bytes", VSA_MAX_REPLY_LINE);
    VSA_TRY(vsa_json_depth_check(text, VSA_MAX_JSON_DEPTH, error));
    json_t *parsed = json_loadb((const char *)text.data, text.size,
                                JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &cause);
    if (!parsed)
        return parse_failed(&cause, error);
    if (!json_is_object(parsed)) {
        json_decref(parsed);
        return vsa_fail_at(error, VSA_ERR_JSON, 0, NULL, "not a JSON object");
    }
    *object = parsed;
    return VSA_OK;
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

json_t *vsa_json_get(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

enum vsa_status vsa_json_set(json_t *object, const char *key, json_t *value,
                             struct vsa_error *error)
{
    if (json_object_set_new_nocheck(object, key, value) != 0)
        return vsa_fail_memory(error);
    return VSA_OK;
}

json_t *vsa_json_base64(struct vsa_slice bytes)
{
    if (!bytes.data)
        return json_null();
    size_t size = vsa_base64_encoded_size(bytes.size);
    VSA_AUTO_FREE char *text = (char *)malloc(size + 1);
    if (!text || vsa_base64_encode(bytes, text, size + 1, NULL) != VSA_OK)
        return NULL;
    return json_stringn_nocheck(text, size);
}

json_t *vsa_json_text_or_null(struct vsa_slice bytes)
{
    if (!bytes.data || !vsa_slice_is_utf8(bytes))
        return json_null();
    return json_stringn_nocheck((const char *)bytes.data, bytes.size);
}
