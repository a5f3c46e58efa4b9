/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Project Wycheproof's vectors (C2SP) through src/crypto: what else passes for a key, a point, a
 * tag or a signature. scripts/deps interop fetches them, out of the crate `wycheproof`.
 */
#include "../unit/unit_test.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/hex.h"
#include "base/slice.h"
#include "crypto/aead.h"
#include "crypto/ecdh.h"
#include "crypto/hkdf.h"
#include "crypto/key.h"
#include "crypto/multibuffer.h"
#include "json/value.h"

#define MAX_BYTES 65536

/* Vectors of one file that were tried, by what came of them. */
struct tally {
    int right;
    int refused;
};

/* Tries one vector, or leaves it if it is about what `crypto` does not have. */
typedef void try_vector(const json_t *group, const json_t *row, struct tally *tally);

static json_t *load_vectors(const char *name)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    bool own = cache && *cache;
    char path[4096];
    assert_true(snprintf(path, sizeof(path), "%s%s/vsattest/interop/wycheproof/%s_test.json",
                         own ? cache : (home ? home : ""), own ? "" : "/.cache",
                         name) < (int)sizeof(path));
    json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (!file)
        SKIP_BECAUSE("no Wycheproof vectors: scripts/deps interop gets them");
    return file;
}

/* Tries all of a file; what is not counted in `expected` fails, and so does a file cut short. */
static void try_file(const char *name, try_vector *try, struct tally expected)
{
    json_t *file = load_vectors(name);
    struct tally tally = {0};
    json_int_t seen = 0;
    size_t i;
    size_t k;
    const json_t *group;
    const json_t *row;
    json_array_foreach(json_object_get(file, "testGroups"), i, group)
    {
        json_array_foreach(json_object_get(group, "tests"), k, row)
        {
            seen++;
            try(group, row, &tally);
        }
    }
    assert_int_equal(seen, json_integer_value(json_object_get(file, "numberOfTests")));
    assert_int_equal(tally.right, expected.right);
    assert_int_equal(tally.refused, expected.refused);
    json_decref(file);
}

static struct vsa_slice bytes_of(const json_t *row, const char *member, uint8_t *bytes)
{
    struct vsa_slice hex = vsa_json_string_slice(json_object_get(row, member));
    assert_non_null(hex.data);
    assert_true(hex.size <= (size_t)2 * MAX_BYTES);
    assert_int_equal(vsa_hex_decode(hex, bytes, hex.size / 2, NULL), VSA_OK);
    return vsa_slice_of(bytes, hex.size / 2);
}

static bool is_result(const json_t *row, const char *result)
{
    return strcmp(json_string_value(json_object_get(row, "result")), result) == 0;
}

static bool has_flag(const json_t *row, const char *flag)
{
    size_t i;
    const json_t *value;
    json_array_foreach(json_object_get(row, "flags"), i, value)
    {
        if (strcmp(json_string_value(value), flag) == 0)
            return true;
    }
    return false;
}

static void fail_vector(const json_t *row, const char *what)
{
    fail_msg("test %lld (%s): %s", (long long)json_integer_value(json_object_get(row, "tcId")),
             json_string_value(json_object_get(row, "comment")), what);
}

/* Counts a vector that was refused, as it is to be, or right, as `same` says. */
static void count_vector(const json_t *row, struct tally *tally, bool good, enum vsa_status status,
                         enum vsa_status refusal, bool same)
{
    if (status != (good ? VSA_OK : refusal))
        fail_vector(row, vsa_status_code(status));
    if (good && !same)
        fail_vector(row, "another result");
    tally->right += good;
    tally->refused += !good;
}

/* --- Diffie-Hellman --------------------------------------------------------------------------- */

/* Scalars of the NIST curves are numbers there: shorter, or with a zero byte before. */
static struct vsa_slice to_width(struct vsa_slice number, uint8_t *bytes, size_t width)
{
    while (number.size > width && number.data[0] == 0)
        number = vsa_slice_of(number.data + 1, number.size - 1);
    assert_true(number.size <= width);
    memset(bytes, 0, width);
    memcpy(bytes + width - number.size, number.data, number.size);
    return vsa_slice_of(bytes, width);
}

static void try_dh(enum vsa_dh_group group, const json_t *row, bool good, struct tally *tally)
{
    static uint8_t bytes[3][MAX_BYTES];
    uint8_t scalar[VSA_MAX_DH_SECRET];
    uint8_t secret[VSA_MAX_DH_SECRET];
    VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *key = NULL;
    size_t width = vsa_dh_secret_size(group);
    struct vsa_slice number = bytes_of(row, "private", bytes[0]);
    struct vsa_slice peer = bytes_of(row, "public", bytes[1]);
    struct vsa_slice shared = bytes_of(row, "shared", bytes[2]);
    assert_int_equal(vsa_dh_key_from_scalar(group, to_width(number, scalar, width), &key, NULL),
                     VSA_OK);
    enum vsa_status status = vsa_dh_derive(key, peer, secret, NULL);
    count_vector(row, tally, good, status, VSA_ERR_SEALED,
                 vsa_slice_equal(vsa_slice_of(secret, width), shared));
}

/* "acceptable" is a compressed point, which HPKE does not have. */
static void try_p256(const json_t *group, const json_t *row, struct tally *tally)
{
    (void)group;
    try_dh(VSA_DH_P256, row, is_result(row, "valid"), tally);
}

static void try_p384(const json_t *group, const json_t *row, struct tally *tally)
{
    (void)group;
    try_dh(VSA_DH_P384, row, is_result(row, "valid"), tally);
}

/* "acceptable" is whatever RFC 7748 takes; HPKE refuses only a secret of zeros. */
static void try_x25519(const json_t *group, const json_t *row, struct tally *tally)
{
    (void)group;
    try_dh(VSA_DH_X25519, row, !has_flag(row, "ZeroSharedSecret"), tally);
}

static void ecdh_p256(void **state)
{
    (void)state;
    try_file("ecdh_secp256r1_ecpoint", try_p256, (struct tally){330, 25});
}

static void ecdh_p384(void **state)
{
    (void)state;
    try_file("ecdh_secp384r1_ecpoint", try_p384, (struct tally){771, 19});
}

static void x25519(void **state)
{
    (void)state;
    try_file("x25519", try_x25519, (struct tally){487, 31});
}

/* --- HKDF ------------------------------------------------------------------------------------- */

static void try_hkdf(enum vsa_hash hash, const json_t *row, struct tally *tally)
{
    static uint8_t bytes[4][MAX_BYTES];
    static uint8_t output[MAX_BYTES];
    uint8_t prk[VSA_MAX_HASH_SIZE];
    struct vsa_slice ikm = bytes_of(row, "ikm", bytes[0]);
    struct vsa_slice salt = bytes_of(row, "salt", bytes[1]);
    struct vsa_slice info = bytes_of(row, "info", bytes[2]);
    struct vsa_slice okm = bytes_of(row, "okm", bytes[3]);
    size_t size = (size_t)json_integer_value(json_object_get(row, "size"));
    assert_true(size <= sizeof(output));
    assert_int_equal(vsa_hkdf_extract(hash, salt, &ikm, 1, prk, NULL), VSA_OK);
    enum vsa_status status = vsa_hkdf_expand(hash, prk, &info, 1, output, size, NULL);
    count_vector(row, tally, is_result(row, "valid"), status, VSA_ERR_TOO_LARGE,
                 vsa_slice_equal(vsa_slice_of(output, size), okm));
}

static void try_hkdf_sha256(const json_t *group, const json_t *row, struct tally *tally)
{
    (void)group;
    try_hkdf(VSA_HASH_SHA256, row, tally);
}

static void try_hkdf_sha384(const json_t *group, const json_t *row, struct tally *tally)
{
    (void)group;
    try_hkdf(VSA_HASH_SHA384, row, tally);
}

static void hkdf_sha256(void **state)
{
    (void)state;
    try_file("hkdf_sha256", try_hkdf_sha256, (struct tally){83, 3});
}

static void hkdf_sha384(void **state)
{
    (void)state;
    try_file("hkdf_sha384", try_hkdf_sha384, (struct tally){80, 3});
}

/* --- AES-GCM ---------------------------------------------------------------------------------- */

static bool seals_to(struct vsa_slice key, const uint8_t *nonce, struct vsa_slice aad,
                     struct vsa_slice text, struct vsa_slice expected)
{
    static uint8_t made[MAX_BYTES];
    assert_true(expected.size <= sizeof(made));
    assert_int_equal(vsa_aead_seal(key, nonce, aad, text, made, NULL), VSA_OK);
    return vsa_slice_equal(vsa_slice_of(made, expected.size), expected);
}

/* `crypto` has nonces of 96 bits, and keys of 128 and 256. */
static void try_gcm(const json_t *group, const json_t *row, struct tally *tally)
{
    static uint8_t bytes[5][MAX_BYTES];
    static uint8_t opened[MAX_BYTES];
    if (json_integer_value(json_object_get(group, "ivSize")) != 96 ||
        json_integer_value(json_object_get(group, "keySize")) == 192)
        return;
    struct vsa_slice key = bytes_of(row, "key", bytes[0]);
    struct vsa_slice nonce = bytes_of(row, "iv", bytes[1]);
    struct vsa_slice aad = bytes_of(row, "aad", bytes[2]);
    struct vsa_slice text = bytes_of(row, "msg", bytes[3]);
    struct vsa_slice sealed = bytes_of(row, "ct", bytes[4]);
    sealed.size += bytes_of(row, "tag", bytes[4] + sealed.size).size;
    bool good = is_result(row, "valid");
    assert_int_equal(nonce.size, VSA_AEAD_NONCE_SIZE);
    enum vsa_status status = vsa_aead_open(key, nonce.data, aad, sealed, opened, NULL);
    count_vector(row, tally, good, status, VSA_ERR_SEALED,
                 vsa_slice_equal(vsa_slice_of(opened, text.size), text) &&
                     seals_to(key, nonce.data, aad, text, sealed));
    if (!good)
        assert_true(vsa_slice_is_zero(vsa_slice_of(opened, text.size)));
}

static void aes_gcm(void **state)
{
    (void)state;
    try_file("aes_gcm", try_gcm, (struct tally){79, 54});
}

/* --- ECDSA, r || s ---------------------------------------------------------------------------- */

struct ecdsa_vector {
    struct vsa_key *key; /* the caller's to free */
    struct vsa_slice message;
    struct vsa_slice signature;
};

static struct ecdsa_vector read_ecdsa(const json_t *group, const json_t *row)
{
    static uint8_t bytes[3][MAX_BYTES];
    struct ecdsa_vector vector = {
        .message = bytes_of(row, "msg", bytes[1]),
        .signature = bytes_of(row, "sig", bytes[2]),
    };
    struct vsa_slice spki = bytes_of(group, "publicKeyDer", bytes[0]);
    assert_int_equal(vsa_key_read_public(spki, &vector.key, NULL), VSA_OK);
    return vector;
}

static void try_ecdsa(const json_t *group, const json_t *row, struct tally *tally)
{
    struct ecdsa_vector vector = read_ecdsa(group, row);
    enum vsa_status status = vsa_key_verify(vector.key, &vector.message, 1, vector.signature, NULL);
    count_vector(row, tally, is_result(row, "valid"), status, VSA_ERR_SIGNATURE, true);
    vsa_key_free(vector.key);
}

static void ecdsa_p256(void **state)
{
    (void)state;
    try_file("ecdsa_secp256r1_sha256_p1363", try_ecdsa, (struct tally){173, 89});
}

static void ecdsa_p384(void **state)
{
    (void)state;
    try_file("ecdsa_secp384r1_sha384_p1363", try_ecdsa, (struct tally){193, 87});
}

/* The same in all lanes of eight at a time. A signature of another size comes to no lane. */
static void try_ecdsa_together(const json_t *group, const json_t *row, struct tally *tally)
{
    struct ecdsa_vector vector = read_ecdsa(group, row);
    struct vsa_signature_check checks[VSA_MULTIBUFFER_LANES];
    struct vsa_multibuffer multibuffer = {.count = 0};
    bool prepared = true;
    for (size_t i = 0; i < VSA_MULTIBUFFER_LANES && prepared; i++) {
        prepared = vsa_signature_check_prepare(vector.key, &vector.message, 1, vector.signature,
                                               &checks[i], NULL) == VSA_OK;
        if (prepared)
            vsa_multibuffer_add(&multibuffer, &checks[i]);
    }
    vsa_multibuffer_finish(&multibuffer);
    for (size_t i = 0; i < VSA_MULTIBUFFER_LANES && prepared; i++)
        assert_int_equal(checks[i].verified, is_result(row, "valid"));
    *(prepared && checks[0].verified ? &tally->right : &tally->refused) += 1;
    vsa_key_free(vector.key);
}

static void ecdsa_p384_together(void **state)
{
    (void)state;
    if (!vsa_multibuffer_available())
        SKIP_BECAUSE("this build has no crypto_mb, or this CPU no AVX-512 IFMA");
    try_file("ecdsa_secp384r1_sha384_p1363", try_ecdsa_together, (struct tally){193, 87});
}

static void ecdsa_p521(void **state)
{
    (void)state;
    try_file("ecdsa_secp521r1_sha512_p1363", try_ecdsa, (struct tally){231, 87});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ecdh_p256),
        cmocka_unit_test(ecdh_p384),
        cmocka_unit_test(x25519),
        cmocka_unit_test(hkdf_sha256),
        cmocka_unit_test(hkdf_sha384),
        cmocka_unit_test(aes_gcm),
        cmocka_unit_test(ecdsa_p256),
        cmocka_unit_test(ecdsa_p384),
        cmocka_unit_test(ecdsa_p384_together),
        cmocka_unit_test(ecdsa_p521),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
