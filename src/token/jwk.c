/* SPDX-License-Identifier: Apache-2.0 */
#include "token/jwk.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "json/writer.h"

/* A coordinate on P-384, as bytes and in base64url with a NUL. */
#define COORDINATE_BYTES 48
#define COORDINATE_SIZE  65

struct public_point {
    const char *curve;
    char x[COORDINATE_SIZE];
    char y[COORDINATE_SIZE];
};

const char *vsa_jwk_algorithm(enum vsa_curve curve)
{
    if (curve == VSA_CURVE_P256)
        return "ES256";
    return curve == VSA_CURVE_P384 ? "ES384" : NULL;
}

static const char *curve_name(enum vsa_curve curve)
{
    return curve == VSA_CURVE_P256 ? "P-256" : "P-384";
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Takes the point from the end of SubjectPublicKeyInfo, where an uncompressed one stands. */
static enum vsa_status read_point(const struct vsa_key *key, struct public_point *point,
                                  struct vsa_error *error)
{
    uint8_t buffer[VSA_MAX_EC_SPKI];
    struct vsa_slice spki;
    VSA_TRY(vsa_key_write_public(key, buffer, sizeof(buffer), &spki, error));
    size_t size = vsa_curve_signature_size(vsa_key_curve(key)) / 2;
    const uint8_t *x = spki.data + spki.size - 2 * size;
    point->curve = curve_name(vsa_key_curve(key));
    VSA_TRY(vsa_base64url_encode(vsa_slice_of(x, size), point->x, sizeof(point->x), error));
    return vsa_base64url_encode(vsa_slice_of(x + size, size), point->y, sizeof(point->y), error);
}

/* Digests the required members, sorted, without white space. */
enum vsa_status vsa_jwk_thumbprint(const struct vsa_key *key, char id[VSA_KEY_ID_SIZE],
                                   struct vsa_error *error)
{
    struct public_point point;
    char text[256];
    uint8_t digest[VSA_SHA256_SIZE];
    VSA_TRY(read_point(key, &point, error));
    (void)snprintf(text, sizeof(text), "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
                   point.curve, point.x, point.y);
    const struct vsa_slice part = vsa_slice_of_text(text);
    VSA_TRY(vsa_sha256(&part, 1, digest, error));
    return vsa_base64url_encode(vsa_slice_of(digest, sizeof(digest)), id, VSA_KEY_ID_SIZE, error);
}

json_t *vsa_jwk_to_json(const struct vsa_key *key, const char *id)
{
    struct public_point point;
    struct vsa_json_writer writer = vsa_json_object();
    writer.failed = read_point(key, &point, NULL) != VSA_OK;
    if (!writer.failed) {
        vsa_json_put(&writer, "kty", json_string("EC"));
        vsa_json_put(&writer, "use", json_string("sig"));
        vsa_json_put(&writer, "alg", json_string(vsa_jwk_algorithm(vsa_key_curve(key))));
        vsa_json_put(&writer, "kid", json_string(id));
        vsa_json_put(&writer, "crv", json_string(point.curve));
        vsa_json_put(&writer, "x", json_string(point.x));
        vsa_json_put(&writer, "y", json_string(point.y));
    }
    return vsa_json_finish(&writer);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Returns whether the member is absent, as it may be, or this text. */
static bool may_be(const json_t *jwk, const char *name, const char *expected)
{
    const json_t *value = vsa_json_get(jwk, name);
    return !value || vsa_json_is_text(value, vsa_slice_of_text(expected));
}

static bool read_coordinate(const json_t *value, uint8_t *out, size_t size)
{
    struct vsa_slice decoded;
    return json_is_string(value) &&
           vsa_base64url_decode(vsa_json_string_slice(value), out, size, &decoded, NULL) ==
               VSA_OK &&
           decoded.size == size;
}

static enum vsa_status read_key(const json_t *jwk, enum vsa_curve curve, struct vsa_key **key,
                                struct vsa_error *error)
{
    uint8_t point[1 + 2 * COORDINATE_BYTES] = {0x04};
    size_t size = vsa_curve_signature_size(curve) / 2;
    if (!vsa_json_is_text(vsa_json_get(jwk, "kty"), vsa_slice_of_text("EC")) ||
        !vsa_json_is_text(vsa_json_get(jwk, "crv"), vsa_slice_of_text(curve_name(curve))) ||
        !may_be(jwk, "use", "sig") || !may_be(jwk, "alg", vsa_jwk_algorithm(curve)))
        return vsa_fail(error, VSA_ERR_TOKEN, "the token's key is not one for %s",
                        vsa_jwk_algorithm(curve));
    if (!read_coordinate(vsa_json_get(jwk, "x"), point + 1, size) ||
        !read_coordinate(vsa_json_get(jwk, "y"), point + 1 + size, size))
        return vsa_fail(error, VSA_ERR_TOKEN, "the token's key has no coordinates of %zu bytes",
                        size);
    enum vsa_status status =
        vsa_key_from_point(curve, vsa_slice_of(point, 1 + 2 * size), NULL, key, error);
    if (status == VSA_ERR_CERTIFICATE_SYNTAX)
        return vsa_fail(error, VSA_ERR_TOKEN, "the token's key is not a point of its curve");
    return status;
}

enum vsa_status vsa_jwk_find(const json_t *set, struct vsa_slice id, enum vsa_curve curve,
                             struct vsa_key **key, struct vsa_error *error)
{
    const json_t *keys = json_object_get(set, "keys");
    for (size_t i = 0; i < json_array_size(keys) && i < VSA_MAX_JWKS; i++) {
        const json_t *jwk = json_array_get(keys, i);
        if (vsa_json_is_text(vsa_json_get(jwk, "kid"), id))
            return read_key(jwk, curve, key, error);
    }
    return vsa_fail(error, VSA_ERR_TOKEN, "the service publishes no key of the token's \"kid\"");
}
