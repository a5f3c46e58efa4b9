/* SPDX-License-Identifier: Apache-2.0 */
#include "json/value.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/printable.h"
#include "base/slice.h"

json_t *vsa_json_get(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

bool vsa_json_is_text(const json_t *value, struct vsa_slice expected)
{
    return json_is_string(value) && vsa_slice_equal(vsa_json_string_slice(value), expected);
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

json_t *vsa_json_hex(struct vsa_slice bytes)
{
    size_t size = 2 * bytes.size;
    VSA_AUTO_FREE char *text = (char *)malloc(size + 1);
    if (!text)
        return NULL;
    vsa_hex_encode(bytes, text, size + 1);
    return json_stringn_nocheck(text, size);
}

json_t *vsa_json_sentence(const struct vsa_error *error)
{
    char text[2 * VSA_ERROR_DETAIL];
    vsa_error_sentence(error, text, sizeof(text));
    vsa_printable_make(text, strlen(text));
    return json_string(text);
}

json_t *vsa_json_text_or_null(struct vsa_slice bytes)
{
    if (!bytes.data || !vsa_slice_is_utf8(bytes))
        return json_null();
    return json_stringn_nocheck((const char *)bytes.data, bytes.size);
}
