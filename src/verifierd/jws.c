/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/jws.h"

#include "base/base64.h"
#include "base/error.h"
#include "json/writer.h"

const char *vsa_jws_algorithm(enum vsa_curve curve)
{
    if (curve == VSA_CURVE_P256)
        return "ES256";
    return curve == VSA_CURVE_P384 ? "ES384" : NULL;
}

static char *header_text(const char *algorithm, const char *key_id, const char *type)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "alg", json_string(algorithm));
    vsa_json_put(&writer, "kid", json_string(key_id));
    vsa_json_put(&writer, "typ", json_string(type));
    VSA_AUTO_JSON json_t *header = vsa_json_finish(&writer);
    return header ? json_dumps(header, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
}

/* Writes a part's base64url at `token`, which has room; returns where it ends. */
static enum vsa_status append_part(struct vsa_slice part, char **token, struct vsa_error *error)
{
    size_t size = vsa_base64url_encoded_size(part.size);
    VSA_TRY(vsa_base64url_encode(part, *token, size + 1, error));
    *token += size;
    return VSA_OK;
}

static enum vsa_status write_token(const struct vsa_key *key, struct vsa_slice header,
                                   struct vsa_slice claims, char *token, struct vsa_error *error)
{
    uint8_t signature[VSA_MAX_SIGNATURE_SIZE];
    char *at = token;
    VSA_TRY(append_part(header, &at, error));
    *at++ = '.';
    VSA_TRY(append_part(claims, &at, error));
    const struct vsa_slice input = vsa_slice_of(token, (size_t)(at - token));
    VSA_TRY(vsa_key_sign(key, &input, 1, signature, error));
    *at++ = '.';
    return append_part(vsa_slice_of(signature, vsa_curve_signature_size(vsa_key_curve(key))), &at,
                       error);
}

enum vsa_status vsa_jws_sign(const struct vsa_key *key, const char *key_id, const char *type,
                             const json_t *claims, char **token, struct vsa_error *error)
{
    const char *algorithm = vsa_jws_algorithm(vsa_key_curve(key));
    if (!algorithm)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "tokens are signed on P-256 or P-384");
    VSA_AUTO_FREE char *header = header_text(algorithm, key_id, type);
    VSA_AUTO_FREE char *text = json_dumps(claims, JSON_COMPACT | JSON_SORT_KEYS);
    if (!header || !text)
        return vsa_fail_memory(error);
    VSA_AUTO_FREE char *made = malloc(
        vsa_base64url_encoded_size(strlen(header)) + vsa_base64url_encoded_size(strlen(text)) +
        vsa_base64url_encoded_size(VSA_MAX_SIGNATURE_SIZE) + sizeof(".."));
    if (!made)
        return vsa_fail_memory(error);
    VSA_TRY(write_token(key, vsa_slice_of_text(header), vsa_slice_of_text(text), made, error));
    *token = made;
    made = NULL;
    return VSA_OK;
}
