/* SPDX-License-Identifier: Apache-2.0 */
#include "token/jws.h"

#include "base/base64.h"
#include "base/error.h"
#include "token/jwk.h"
#include "json/load.h"
#include "json/writer.h"

/* Nesting of claims: submodules, their vectors and PCRs are three levels below the top. */
#define MAX_DEPTH 8

/* --- writing ---------------------------------------------------------------------------------- */

static char *header_text(const char *algorithm, const char *key_id, const char *type)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "alg", json_string(algorithm));
    vsa_json_put(&writer, "kid", json_string(key_id));
    vsa_json_put(&writer, "typ", json_string(type));
    VSA_AUTO_JSON json_t *header = vsa_json_finish(&writer);
    return vsa_json_print(header, JSON_COMPACT | JSON_SORT_KEYS);
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
    const char *algorithm = vsa_jwk_algorithm(vsa_key_curve(key));
    if (!algorithm)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "tokens are signed on P-256 or P-384");
    VSA_AUTO_FREE char *header = header_text(algorithm, key_id, type);
    VSA_AUTO_FREE char *text = vsa_json_print(claims, JSON_COMPACT | JSON_SORT_KEYS);
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

/* --- reading ---------------------------------------------------------------------------------- */

/* The three parts of a token, in base64url, and what is signed of it. All borrowed. */
struct token_parts {
    struct vsa_slice header;
    struct vsa_slice claims;
    struct vsa_slice signature;
    struct vsa_slice signed_input; /* header and claims, with the dot between them */
};

static enum vsa_status cut_token(struct vsa_slice token, struct token_parts *parts,
                                 struct vsa_error *error)
{
    const uint8_t *first = token.size ? memchr(token.data, '.', token.size) : NULL;
    size_t rest = first ? token.size - (size_t)(first + 1 - token.data) : 0;
    const uint8_t *second = rest ? memchr(first + 1, '.', rest) : NULL;
    if (!second || token.size > VSA_MAX_TOKEN)
        return vsa_fail(error, VSA_ERR_TOKEN, "not a signed token: three parts, at most %d bytes",
                        VSA_MAX_TOKEN);
    parts->header = vsa_slice_of(token.data, (size_t)(first - token.data));
    parts->claims = vsa_slice_of(first + 1, (size_t)(second - first - 1));
    parts->signature = vsa_slice_of(second + 1, token.size - (size_t)(second + 1 - token.data));
    parts->signed_input = vsa_slice_of(token.data, (size_t)(second - token.data));
    return VSA_OK;
}

/* Decodes a part that is an object. Whatever is wrong with it, the token is. */
static enum vsa_status load_part(struct vsa_slice part, const char *name, json_t **object,
                                 struct vsa_error *error)
{
    const struct vsa_json_limits limits = {
        .name = name, .max_size = VSA_MAX_TOKEN, .max_depth = MAX_DEPTH};
    struct vsa_slice text;
    VSA_AUTO_FREE uint8_t *buffer = malloc(part.size + 1);
    if (!buffer)
        return vsa_fail_memory(error);
    enum vsa_status status = vsa_base64url_decode(part, buffer, part.size, &text, error);
    if (status == VSA_OK)
        status = vsa_json_load_object(text, &limits, object, error);
    if (status == VSA_OK || status == VSA_ERR_MEMORY)
        return status;
    return vsa_fail(error, VSA_ERR_TOKEN, "%s: not an object in base64url", name);
}

/* Returns the curve of the algorithm; VSA_CURVE_NONE for any that is not one of ours. */
static enum vsa_curve curve_of(const json_t *algorithm)
{
    static const enum vsa_curve curves[] = {VSA_CURVE_P256, VSA_CURVE_P384};
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (vsa_json_is_text(algorithm, vsa_slice_of_text(vsa_jwk_algorithm(curves[i]))))
            return curves[i];
    return VSA_CURVE_NONE;
}

static enum vsa_status find_key(const json_t *header, const char *type, const json_t *keys,
                                struct vsa_key **key, struct vsa_error *error)
{
    const json_t *key_id = vsa_json_get(header, "kid");
    enum vsa_curve curve = curve_of(vsa_json_get(header, "alg"));
    if (curve == VSA_CURVE_NONE || !json_is_string(key_id))
        return vsa_fail(error, VSA_ERR_TOKEN,
                        "the token's header: \"alg\" must be ES256 or ES384, and \"kid\" a text");
    if (!vsa_json_is_text(vsa_json_get(header, "typ"), vsa_slice_of_text(type)))
        return vsa_fail(error, VSA_ERR_TOKEN, "the token's header: \"typ\" must be %s", type);
    /* RFC 7515 section 4.1.11: what is critical and not understood is refused. */
    if (json_object_get(header, "crit"))
        return vsa_fail(error, VSA_ERR_TOKEN, "the token's header: \"crit\" is not understood");
    return vsa_jwk_find(keys, vsa_json_string_slice(key_id), curve, key, error);
}

static enum vsa_status check_signature(const struct token_parts *parts, const struct vsa_key *key,
                                       struct vsa_error *error)
{
    uint8_t buffer[VSA_MAX_SIGNATURE_SIZE];
    struct vsa_slice signature;
    enum vsa_status status =
        vsa_base64url_decode(parts->signature, buffer, sizeof(buffer), &signature, error);
    if (status == VSA_OK)
        status = vsa_key_verify(key, &parts->signed_input, 1, signature, error);
    if (status == VSA_OK || vsa_status_class(status) == VSA_CLASS_INTERNAL)
        return status;
    return vsa_fail(error, VSA_ERR_TOKEN, "the token's signature does not verify");
}

enum vsa_status vsa_jws_verify(struct vsa_slice token, const char *type, const json_t *keys,
                               json_t **claims, struct vsa_error *error)
{
    struct token_parts parts;
    VSA_AUTO_JSON json_t *header = NULL;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    VSA_TRY(cut_token(token, &parts, error));
    VSA_TRY(load_part(parts.header, "the token's header", &header, error));
    VSA_TRY(find_key(header, type, keys, &key, error));
    VSA_TRY(check_signature(&parts, key, error));
    return load_part(parts.claims, "the token's claims", claims, error);
}
