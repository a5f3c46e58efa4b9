/* SPDX-License-Identifier: Apache-2.0 */
/* Published keys that are read back; how they are written is in test_jwks.c, too. */
#include "unit_test.h"

#include "token/jwk.h"

static struct vsa_key *read_back(json_t *set, enum vsa_curve curve, enum vsa_status expected)
{
    struct vsa_key *key = NULL;
    assert_int_equal(vsa_jwk_find(set, vsa_slice_of_text("the-id"), curve, &key, NULL), expected);
    assert_true((key != NULL) == (expected == VSA_OK));
    return key;
}

static json_t *set_of(enum vsa_curve curve, struct vsa_key **key)
{
    assert_int_equal(vsa_key_generate(curve, key, NULL), VSA_OK);
    json_t *set =
        json_pack("{s:[{s:s}, o]}", "keys", "kid", "other", vsa_jwk_to_json(*key, "the-id"));
    assert_non_null(set);
    return set;
}

static void same_key(void **state)
{
    (void)state;
    static const enum vsa_curve curves[] = {VSA_CURVE_P256, VSA_CURVE_P384};
    for (size_t i = 0; i < 2; i++) {
        struct vsa_key *key = NULL;
        char one[VSA_KEY_ID_SIZE];
        char other[VSA_KEY_ID_SIZE];
        json_t *set = set_of(curves[i], &key);
        struct vsa_key *found = read_back(set, curves[i], VSA_OK);
        assert_int_equal(vsa_jwk_thumbprint(key, one, NULL), VSA_OK);
        assert_int_equal(vsa_jwk_thumbprint(found, other, NULL), VSA_OK);
        assert_string_equal(one, other);
        assert_null(read_back(set, curves[1 - i], VSA_ERR_TOKEN));
        vsa_key_free(found);
        vsa_key_free(key);
        json_decref(set);
    }
}

static void refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"kty", "OKP"},
        {"crv", "P-384"},
        {"use", "enc"},
        {"alg", "ES384"},
        {"kid", "another"},
        {"x", ""},
        {"x", "AAAA"},
        {"x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, /* not on the curve */
        {"y", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"y", "not base64"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_key *key = NULL;
        json_t *set = set_of(VSA_CURVE_P256, &key);
        json_t *jwk = json_array_get(json_object_get(set, "keys"), 1);
        assert_int_equal(json_object_set_new(jwk, rows[i][0], json_string(rows[i][1])), 0);
        assert_null(read_back(set, VSA_CURVE_P256, VSA_ERR_TOKEN));
        assert_int_equal(json_object_set_new(jwk, rows[i][0], json_integer(1)), 0);
        assert_null(read_back(set, VSA_CURVE_P256, VSA_ERR_TOKEN));
        vsa_key_free(key);
        json_decref(set);
    }
    json_t *none = json_pack("{s:s}", "keys", "x");
    assert_null(read_back(none, VSA_CURVE_P256, VSA_ERR_TOKEN));
    json_decref(none);
    assert_null(read_back(NULL, VSA_CURVE_P256, VSA_ERR_TOKEN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_key),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests_name("jwk", tests, NULL, NULL);
}
