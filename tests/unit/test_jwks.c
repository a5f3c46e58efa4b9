/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/pem.h"
#include "file/whole_file.h"
#include "verifierd/jwks.h"

#define NOW_MS INT64_C(1768478400000)

/* RFC 6979 A.2.5, whose public key is known; its thumbprint is by Debian's `jose jwk thp`. */
static const uint8_t known_key[] = {
    0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20, 0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba,
    0x75, 0x16, 0x6b, 0x5c, 0x21, 0x57, 0x67, 0xb1, 0xd6, 0x93, 0x4e, 0x50, 0xc3,
    0xdb, 0x36, 0xe8, 0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f, 0x67, 0x21,
    0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
};

static struct vsa_key *fresh(enum vsa_curve curve)
{
    struct vsa_key *key = NULL;
    assert_int_equal(vsa_key_generate(curve, &key, NULL), VSA_OK);
    return key;
}

static void published_form(void **state)
{
    (void)state;
    struct vsa_signing_keys keys = {0};
    struct vsa_key *key = NULL;
    assert_int_equal(vsa_key_read_private(vsa_slice_of(known_key, sizeof(known_key)), &key, NULL),
                     VSA_OK);
    assert_int_equal(vsa_signing_keys_add(&keys, key, NOW_MS, NULL), VSA_OK);
    assert_string_equal(keys.keys[0].id, "DOvxvJiAdIqVWIkFt5hDtCunXLF0BV4-JGv4f-ALSm0");
    json_t *published = vsa_signing_keys_to_json(&keys);
    char *text = json_dumps(published, JSON_COMPACT);
    assert_string_equal(text,
                        "{\"keys\":[{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\","
                        "\"kid\":\"DOvxvJiAdIqVWIkFt5hDtCunXLF0BV4-JGv4f-ALSm0\",\"crv\":\"P-256\","
                        "\"x\":\"YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y\","
                        "\"y\":\"eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk\"}]}");
    free(text);
    json_decref(published);
    vsa_signing_keys_free(&keys);
}

/* The newest of those that readers know by now; a single one at once. */
static void chosen_by_age(void **state)
{
    (void)state;
    struct vsa_signing_keys keys = {0};
    assert_int_equal(vsa_signing_keys_add(&keys, fresh(VSA_CURVE_P384), NOW_MS, NULL), VSA_OK);
    assert_ptr_equal(vsa_signing_keys_choose(&keys, NOW_MS), &keys.keys[0]);
    assert_int_equal(vsa_signing_keys_add(&keys, fresh(VSA_CURVE_P256), NOW_MS + 3600000, NULL),
                     VSA_OK);
    int64_t second = NOW_MS + 3600000 + VSA_KEY_LEAD_MS;
    assert_ptr_equal(vsa_signing_keys_choose(&keys, NOW_MS), &keys.keys[0]);
    assert_ptr_equal(vsa_signing_keys_choose(&keys, second - 1), &keys.keys[0]);
    assert_ptr_equal(vsa_signing_keys_choose(&keys, second), &keys.keys[1]);
    vsa_signing_keys_free(&keys);
}

static void refused(void **state)
{
    (void)state;
    struct vsa_signing_keys keys = {0};
    struct vsa_key *same = NULL;
    assert_int_equal(vsa_signing_keys_add(&keys, fresh(VSA_CURVE_P521), 0, NULL), VSA_ERR_ARGUMENT);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            vsa_key_read_private(vsa_slice_of(known_key, sizeof(known_key)), &same, NULL), VSA_OK);
        assert_int_equal(vsa_signing_keys_add(&keys, same, 0, NULL), i ? VSA_ERR_ARGUMENT : VSA_OK);
    }
    while (keys.count < VSA_MAX_SIGNING_KEYS)
        assert_int_equal(vsa_signing_keys_add(&keys, fresh(VSA_CURVE_P256), 0, NULL), VSA_OK);
    assert_int_equal(vsa_signing_keys_add(&keys, fresh(VSA_CURVE_P256), 0, NULL), VSA_ERR_TOO_MANY);
    vsa_signing_keys_free(&keys);
}

static void write_key(const char *path, struct vsa_key *key)
{
    uint8_t buffer[VSA_MAX_KEY_FILE / 64];
    char text[VSA_PEM_SIZE(sizeof(buffer))];
    struct vsa_slice der;
    struct vsa_slice pem;
    assert_int_equal(vsa_key_write_private(key, buffer, sizeof(buffer), &der, NULL), VSA_OK);
    assert_int_equal(vsa_pem_encode("PRIVATE KEY", der, text, sizeof(text), &pem, NULL), VSA_OK);
    assert_int_equal(vsa_whole_file_write(path, VSA_FILE_PRIVATE, &pem, 1, NULL), VSA_OK);
    vsa_key_free(key);
}

static void write_text(const char *path, const char *text)
{
    const struct vsa_slice part = vsa_slice_of_text(text);
    assert_int_equal(vsa_whole_file_write(path, VSA_FILE_PRIVATE, &part, 1, NULL), VSA_OK);
}

#define NOT_EC                                                                                     \
    "not an EC key on P-256 or P-384; openssl genpkey -algorithm EC -pkeyopt "                     \
    "ec_paramgen_curve:P-256 makes one"

/* A key that signs no token here: RFC 8410, section 10.3. */
static const char ed25519[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                              "-----END PRIVATE KEY-----\n";

static void directories(void **state)
{
    (void)state;
    char directory[] = "/tmp/vsattest-keys-XXXXXX";
    char path[64];
    struct vsa_signing_keys keys;
    struct vsa_error error;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(vsa_signing_keys_load(directory, &keys, &error), VSA_ERR_ARGUMENT);
    (void)snprintf(path, sizeof(path), "%s/one.pem", directory);
    write_key(path, fresh(VSA_CURVE_P384));
    assert_int_equal(vsa_signing_keys_load(directory, &keys, &error), VSA_OK);
    assert_int_equal(keys.count, 1);
    assert_true(keys.keys[0].since_ms > NOW_MS / 2);
    vsa_signing_keys_free(&keys);
    write_key(path, fresh(VSA_CURVE_P521));
    assert_int_equal(vsa_signing_keys_load(directory, &keys, &error), VSA_ERR_ARGUMENT);
    assert_string_equal(error.detail, "signing key one.pem: " NOT_EC);
    vsa_signing_keys_free(&keys);
    write_text(path, ed25519);
    assert_int_equal(vsa_signing_keys_load(directory, &keys, &error), VSA_ERR_ARGUMENT);
    assert_string_equal(error.detail, "signing key one.pem: " NOT_EC);
    vsa_signing_keys_free(&keys);
    write_text(path, "no key\n");
    assert_int_equal(vsa_signing_keys_load(directory, &keys, &error), VSA_ERR_CERTIFICATE_SYNTAX);
    assert_string_equal(error.detail,
                        "signing key one.pem: not an unencrypted private key in PEM or DER");
    vsa_signing_keys_free(&keys);
    /* Whatever follows the key: it is not cut. */
    write_key(path, fresh(VSA_CURVE_P256));
    assert_int_equal(truncate(path, VSA_MAX_KEY_FILE + 1), 0);
    assert_int_equal(vsa_signing_keys_load(directory, &keys, &error), VSA_ERR_TOO_LARGE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
    assert_int_equal(vsa_signing_keys_load(directory, &keys, &error), VSA_ERR_IO);
}

/*
 * Where files are copied, all have one time: the name says from when on a key signs, also behind
 * systemd's prefix.
 */
static void named_by_time(void **state)
{
    (void)state;
    static const char *const names[] = {"20260115T1130Z.pem", "20261301T0000Z.pem",
                                        "keys_20260115T1200Z.pem"};
    char directory[] = "/tmp/vsattest-keys-XXXXXX";
    char path[64];
    struct vsa_signing_keys keys;
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        write_key(path, fresh(VSA_CURVE_P256));
    }
    assert_int_equal(vsa_signing_keys_load(directory, &keys, NULL), VSA_OK);
    assert_int_equal(keys.count, 3);
    /* NOW_MS is 12:00; there is no 13th month, so the second has its file's time. */
    assert_ptr_equal(vsa_signing_keys_choose(&keys, NOW_MS - 1), &keys.keys[0]);
    assert_ptr_equal(vsa_signing_keys_choose(&keys, NOW_MS), &keys.keys[2]);
    assert_true(keys.keys[1].since_ms > NOW_MS);
    vsa_signing_keys_free(&keys);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(directory), 0);
}

static void generated(void **state)
{
    (void)state;
    struct vsa_signing_keys keys;
    assert_int_equal(vsa_signing_keys_generate(&keys, NULL), VSA_OK);
    assert_int_equal(vsa_key_curve(vsa_signing_keys_choose(&keys, NOW_MS)->key), VSA_CURVE_P256);
    vsa_signing_keys_free(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_form), cmocka_unit_test(chosen_by_age),
        cmocka_unit_test(refused),        cmocka_unit_test(directories),
        cmocka_unit_test(named_by_time),  cmocka_unit_test(generated),
    };
    return cmocka_run_group_tests_name("jwks", tests, NULL, NULL);
}
