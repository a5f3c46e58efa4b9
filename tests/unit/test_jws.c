/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>

#include "base/base64.h"
#include "token/jwk.h"
#include "token/jws.h"
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

/* --- reading ---------------------------------------------------------------------------------- */

static struct vsa_key *signer;
static json_t *published;
static char *good;

static int setup(void **state)
{
    (void)state;
    char id[VSA_KEY_ID_SIZE];
    json_t *claims = sample_claims();
    assert_int_equal(vsa_key_generate(VSA_CURVE_P256, &signer, NULL), VSA_OK);
    assert_int_equal(vsa_jwk_thumbprint(signer, id, NULL), VSA_OK);
    published = json_pack("{s:[o]}", "keys", vsa_jwk_to_json(signer, id));
    assert_non_null(published);
    assert_int_equal(vsa_jws_sign(signer, id, "eat+jwt", claims, &good, NULL), VSA_OK);
    json_decref(claims);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(good);
    json_decref(published);
    vsa_key_free(signer);
    return 0;
}

static void assert_refused(const char *token, const char *words)
{
    struct vsa_error error = {0};
    json_t *claims = NULL;
    assert_int_equal(
        vsa_jws_verify(vsa_slice_of_text(token), "eat+jwt", published, &claims, &error),
        VSA_ERR_TOKEN);
    assert_null(claims);
    assert_non_null(strstr(error.detail, words));
}

static void verifies(void **state)
{
    (void)state;
    json_t *claims = NULL;
    json_t *expected = sample_claims();
    assert_int_equal(vsa_jws_verify(vsa_slice_of_text(good), "eat+jwt", published, &claims, NULL),
                     VSA_OK);
    assert_true(json_equal(claims, expected));
    json_decref(claims);
    json_decref(expected);
    claims = NULL;
    assert_int_equal(vsa_jws_verify(vsa_slice_of_text(good), "JWT", published, &claims, NULL),
                     VSA_ERR_TOKEN);
    assert_null(claims);
}

/* Each single bit, and each length. */
static void changed_anywhere(void **state)
{
    (void)state;
    size_t size = strlen(good);
    char *changed = strdup(good);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            json_t *claims = NULL;
            changed[i] = (char)(good[i] ^ 1 << bit);
            assert_int_equal(
                vsa_jws_verify(vsa_slice_of(changed, size), "eat+jwt", published, &claims, NULL),
                VSA_ERR_TOKEN);
            changed[i] = good[i];
        }
    for (size_t cut = 0; cut < size; cut++) {
        json_t *claims = NULL;
        assert_int_equal(
            vsa_jws_verify(vsa_slice_of(good, cut), "eat+jwt", published, &claims, NULL),
            VSA_ERR_TOKEN);
    }
    free(changed);
}

/* A token with this header, and the signature of our key over it. */
static char *with_header(const char *header)
{
    uint8_t signature[VSA_MAX_SIGNATURE_SIZE];
    char *token = calloc(1, 1024);
    assert_non_null(token);
    assert_int_equal(vsa_base64url_encode(vsa_slice_of_text(header), token, 512, NULL), VSA_OK);
    (void)strcat(token, ".e30");
    struct vsa_slice input = vsa_slice_of_text(token);
    assert_int_equal(vsa_key_sign(signer, &input, 1, signature, NULL), VSA_OK);
    size_t end = strlen(token);
    token[end] = '.';
    assert_int_equal(vsa_base64url_encode(vsa_slice_of(signature, 64), token + end + 1, 100, NULL),
                     VSA_OK);
    return token;
}

static void headers(void **state)
{
    (void)state;
    const char *id = json_string_value(
        json_object_get(json_array_get(json_object_get(published, "keys"), 0), "kid"));
    static const struct {
        const char *header; /* %s: the key's ID */
        const char *words;
    } rows[] = {
        {"{\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"eat+jwt\"}", "\"alg\""},
        {"{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"eat+jwt\"}", "\"alg\""},
        {"{\"alg\":\"es256\",\"kid\":\"%s\",\"typ\":\"eat+jwt\"}", "\"alg\""},
        {"{\"alg\":\"ES384\",\"kid\":\"%s\",\"typ\":\"eat+jwt\"}", "not one for ES384"},
        {"{\"alg\":\"ES256\",\"kid\":\"x%s\",\"typ\":\"eat+jwt\"}", "no key"},
        {"{\"alg\":\"ES256\",\"typ\":\"eat+jwt\",\"x\":\"%s\"}", "\"kid\""},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", "\"typ\""},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\"}", "\"typ\""},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"eat+jwt\",\"crit\":[\"exp\"]}", "\"crit\""},
        {"[\"%s\"]", "header"},
    };
    char header[256];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *at = strstr(rows[i].header, "%s");
        (void)snprintf(header, sizeof(header), "%.*s%s%s", (int)(at - rows[i].header),
                       rows[i].header, id, at + 2);
        char *token = with_header(header);
        assert_refused(token, rows[i].words);
        free(token);
    }
    (void)snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"eat+jwt\"}",
                   id);
    char *token = with_header(header);
    json_t *claims = NULL;
    assert_int_equal(vsa_jws_verify(vsa_slice_of_text(token), "eat+jwt", published, &claims, NULL),
                     VSA_OK);
    json_decref(claims);
    free(token);
}

static void sizes(void **state)
{
    (void)state;
    char *longest = calloc(1, VSA_MAX_TOKEN + 2);
    assert_non_null(longest);
    memset(longest, '.', VSA_MAX_TOKEN + 1);
    assert_refused(longest, "three parts");
    assert_refused("", "three parts");
    assert_refused("..", "header");
    free(longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(es256),
        cmocka_unit_test(es384),
        cmocka_unit_test(other_curves_are_refused),
        cmocka_unit_test(verifies),
        cmocka_unit_test(changed_anywhere),
        cmocka_unit_test(headers),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests_name("jws", tests, setup, teardown);
}
