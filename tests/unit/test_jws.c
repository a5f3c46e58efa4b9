/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "base/base64.h"
#include "verifierd/jws.h"
#include "json/load.h"

static json_t *sample_claims(void)
{
    json_t *claims = json_pack("{s:i,s:s,s:b}", "iat", 1768478400, "eat_nonce", "abc", "a", 1);
    assert_non_null(claims);
    return claims;
}

static struct vsa_slice next_part(const char **text)
{
    size_t size = strcspn(*text, ".");
    struct vsa_slice part = vsa_slice_of(*text, size);
    *text += size + ((*text)[size] ? 1 : 0);
    return part;
}

static void assert_part(struct vsa_slice part, const char *expected)
{
    uint8_t bytes[256];
    struct vsa_slice decoded;
    assert_int_equal(vsa_base64url_decode(part, bytes, sizeof(bytes), &decoded, NULL), VSA_OK);
    assert_int_equal(decoded.size, strlen(expected));
    assert_memory_equal(decoded.data, expected, decoded.size);
}

static void signs(enum vsa_curve curve, const char *header, size_t signature_size)
{
    struct vsa_key *key = NULL;
    char *token = NULL;
    uint8_t signature[VSA_MAX_SIGNATURE_SIZE];
    struct vsa_slice decoded;
    json_t *claims = sample_claims();
    assert_int_equal(vsa_key_generate(curve, &key, NULL), VSA_OK);
    assert_int_equal(vsa_jws_sign(key, "the-id", "eat+jwt", claims, &token, NULL), VSA_OK);
    const char *rest = token;
    assert_part(next_part(&rest), header);
    assert_part(next_part(&rest), "{\"a\":true,\"eat_nonce\":\"abc\",\"iat\":1768478400}");
    struct vsa_slice input = vsa_slice_of(token, (size_t)(rest - token) - 1);
    assert_int_equal(
        vsa_base64url_decode(next_part(&rest), signature, sizeof(signature), &decoded, NULL),
        VSA_OK);
    assert_string_equal(rest, "");
    assert_int_equal(decoded.size, signature_size);
    assert_int_equal(vsa_key_verify(key, &input, 1, decoded, NULL), VSA_OK);
    free(token);
    json_decref(claims);
    vsa_key_free(key);
}

static void es256(void **state)
{
    (void)state;
    signs(VSA_CURVE_P256, "{\"alg\":\"ES256\",\"kid\":\"the-id\",\"typ\":\"eat+jwt\"}", 64);
}

static void es384(void **state)
{
    (void)state;
    signs(VSA_CURVE_P384, "{\"alg\":\"ES384\",\"kid\":\"the-id\",\"typ\":\"eat+jwt\"}", 96);
}

static void other_curves_are_refused(void **state)
{
    (void)state;
    struct vsa_key *key = NULL;
    char *token = NULL;
    json_t *claims = sample_claims();
    assert_int_equal(vsa_key_generate(VSA_CURVE_P521, &key, NULL), VSA_OK);
    assert_int_equal(vsa_jws_sign(key, "id", "JWT", claims, &token, NULL), VSA_ERR_ARGUMENT);
    assert_null(token);
    json_decref(claims);
    vsa_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(es256),
        cmocka_unit_test(es384),
        cmocka_unit_test(other_curves_are_refused),
    };
    return cmocka_run_group_tests_name("jws", tests, NULL, NULL);
}
