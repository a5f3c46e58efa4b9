/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/slice.h"
#include "hpke/hpke.h"

#define MAX_BYTES 256

struct bytes {
    uint8_t data[MAX_BYTES];
    size_t size;
};

static struct bytes from_hex(const char *hex)
{
    struct bytes bytes = {.size = strlen(hex) / 2};
    assert_true(bytes.size <= MAX_BYTES);
    assert_int_equal(vsa_hex_decode(vsa_slice_of_text(hex), bytes.data, bytes.size, NULL), VSA_OK);
    return bytes;
}

static struct bytes member(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    if (!text)
        fail_msg("no %s", key);
    return from_hex(text);
}

static struct vsa_slice slice(const struct bytes *bytes)
{
    return vsa_slice_of(bytes->data, bytes->size);
}

static void assert_bytes(const uint8_t *data, const struct bytes *expected)
{
    assert_memory_equal(data, expected->data, expected->size);
}

static json_t *vectors;

static int load_vectors(void **state)
{
    (void)state;
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/tests/unit/vectors/hpke.json", getenv("VSA_SOURCE"));
    vectors = json_load_file(path, 0, NULL);
    return vectors ? 0 : -1;
}

static int free_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

/* The suite of a row. Only the numbers of a KEM that we do not have matter (the other half). */
static struct vsa_hpke_suite suite_of(const json_t *row)
{
    uint16_t kem = (uint16_t)json_integer_value(json_object_get(row, "kem_id"));
    const struct vsa_hpke_suite *known = vsa_hpke_find_suite(kem);
    struct vsa_hpke_suite suite = known ? *known : (struct vsa_hpke_suite){.kem = kem};
    const json_t *kdf = json_object_get(row, "kdf_id");
    if (kdf) {
        suite.kdf = (uint16_t)json_integer_value(kdf);
        suite.aead = (uint16_t)json_integer_value(json_object_get(row, "aead_id"));
    }
    suite.kdf_hash = suite.kdf == 1 ? VSA_HASH_SHA256 : VSA_HASH_SHA384;
    suite.key_size = suite.aead == 1 ? 16 : 32;
    return suite;
}

static void check_context(const json_t *row, const struct vsa_hpke_context *context)
{
    struct bytes key = member(row, "key");
    struct bytes base_nonce = member(row, "base_nonce");
    struct bytes exporter_secret = member(row, "exporter_secret");
    assert_int_equal(key.size, context->suite->key_size);
    assert_bytes(context->key, &key);
    assert_bytes(context->base_nonce, &base_nonce);
    assert_int_equal(exporter_secret.size, vsa_hash_size(context->suite->kdf_hash));
    assert_bytes(context->exporter_secret, &exporter_secret);
}

static void check_messages(const json_t *row, struct vsa_hpke_context *context)
{
    size_t i = 0;
    const json_t *message = NULL;
    const json_t *messages = json_object_get(row, "encryptions");
    assert_true(json_array_size(messages) >= 3);
    json_array_foreach(messages, i, message)
    {
        struct bytes aad = member(message, "aad");
        struct bytes plaintext = member(message, "pt");
        struct bytes sealed = member(message, "ct");
        uint8_t output[MAX_BYTES + VSA_AEAD_TAG_SIZE];
        context->sequence = (uint64_t)json_integer_value(json_object_get(message, "sequence"));
        struct vsa_hpke_context other = *context;
        assert_int_equal(vsa_hpke_seal(context, slice(&aad), slice(&plaintext), output, NULL),
                         VSA_OK);
        assert_bytes(output, &sealed);
        assert_int_equal(vsa_hpke_open(&other, slice(&aad), slice(&sealed), output, NULL), VSA_OK);
        assert_bytes(output, &plaintext);
        assert_int_equal(other.sequence, context->sequence);
    }
}

static void check_exports(const json_t *row, const struct vsa_hpke_context *context)
{
    size_t i = 0;
    const json_t *export = NULL;
    const json_t *exports = json_object_get(row, "exports");
    assert_true(json_array_size(exports) >= 3);
    json_array_foreach(exports, i, export)
    {
        struct bytes purpose = member(export, "exporter_context");
        struct bytes expected = member(export, "exported_value");
        uint8_t secret[MAX_BYTES];
        assert_int_equal(vsa_hpke_export(context, slice(&purpose), secret, expected.size, NULL),
                         VSA_OK);
        assert_bytes(secret, &expected);
    }
}

static struct vsa_dh_key *read_key(enum vsa_dh_group group, const struct bytes *scalar)
{
    struct vsa_dh_key *key = NULL;
    assert_int_equal(vsa_dh_key_from_scalar(group, slice(scalar), &key, NULL), VSA_OK);
    return key;
}

/* A row with both keys: both setups, all messages, all exports. */
static void check_whole(const json_t *row)
{
    struct vsa_hpke_suite suite = suite_of(row);
    struct bytes info = member(row, "info");
    struct bytes enc = member(row, "enc");
    struct bytes public_key = member(row, "pkRm");
    struct bytes recipient_scalar = member(row, "skRm");
    struct bytes ephemeral_scalar = member(row, "skEm");
    struct vsa_dh_key *recipient = read_key(suite.group, &recipient_scalar);
    struct vsa_dh_key *ephemeral = read_key(suite.group, &ephemeral_scalar);
    struct vsa_hpke_context sender;
    struct vsa_hpke_context opener;
    uint8_t made[VSA_HPKE_MAX_ENC];
    vsa_dh_public(recipient, made);
    assert_bytes(made, &public_key);
    assert_int_equal(vsa_hpke_setup_sender_with(&suite, ephemeral, slice(&public_key), slice(&info),
                                                made, &sender, NULL),
                     VSA_OK);
    assert_int_equal(enc.size, suite.enc_size);
    assert_bytes(made, &enc);
    assert_int_equal(
        vsa_hpke_setup_recipient(&suite, recipient, slice(&enc), slice(&info), &opener, NULL),
        VSA_OK);
    assert_memory_equal(&sender, &opener, sizeof(sender));
    check_context(row, &sender);
    check_messages(row, &sender);
    check_exports(row, &opener);
    vsa_dh_key_free(recipient);
    vsa_dh_key_free(ephemeral);
}

static void published_vectors(void **state)
{
    (void)state;
    size_t i = 0;
    const json_t *row = NULL;
    unsigned whole = 0;
    json_array_foreach(vectors, i, row) if (json_object_get(row, "skEm"))
    {
        check_whole(row);
        whole++;
    }
    assert_int_equal(whole, 4);
}

static void published_key_schedules_with_sha384(void **state)
{
    (void)state;
    size_t i = 0;
    const json_t *row = NULL;
    unsigned halves = 0;
    json_array_foreach(vectors, i, row)
    {
        if (json_object_get(row, "skRm") || !json_object_get(row, "key"))
            continue;
        struct vsa_hpke_suite suite = suite_of(row);
        struct bytes info = member(row, "info");
        struct bytes secret = member(row, "shared_secret");
        struct vsa_hpke_context context;
        assert_int_equal(
            vsa_hpke_key_schedule(&suite, slice(&secret), slice(&info), &context, NULL), VSA_OK);
        check_context(row, &context);
        check_messages(row, &context);
        check_exports(row, &context);
        halves++;
    }
    assert_int_equal(halves, 2);
}

/* DeriveKeyPair (RFC 9180 section 7.1.3) for P-384: the KEM's only vector begins with it. */
static struct vsa_dh_key *derive_key_pair(const struct bytes *ikm)
{
    static const uint8_t id[] = {'K', 'E', 'M', 0x00, 0x11};
    uint8_t prk[48];
    uint8_t counter = 0;
    uint8_t size[] = {0, 48};
    struct bytes scalar = {.size = 48};
    struct vsa_slice extract[] = {vsa_slice_of_text("HPKE-v1"), vsa_slice_of(id, sizeof(id)),
                                  vsa_slice_of_text("dkp_prk"), slice(ikm)};
    struct vsa_slice expand[] = {vsa_slice_of(size, 2), vsa_slice_of_text("HPKE-v1"),
                                 vsa_slice_of(id, sizeof(id)), vsa_slice_of_text("candidate"),
                                 vsa_slice_of(&counter, 1)};
    assert_int_equal(
        vsa_hkdf_extract(VSA_HASH_SHA384, vsa_slice_of(NULL, 0), extract, 4, prk, NULL), VSA_OK);
    assert_int_equal(vsa_hkdf_expand(VSA_HASH_SHA384, prk, expand, 5, scalar.data, 48, NULL),
                     VSA_OK);
    return read_key(VSA_DH_P384, &scalar);
}

/* Compared by what the shared secret leads to: the secret itself does not leave hpke.c. */
static void published_kem_of_p384(void **state)
{
    (void)state;
    const json_t *row = json_array_get(vectors, json_array_size(vectors) - 1);
    const struct vsa_hpke_suite *suite = vsa_hpke_find_suite(VSA_HPKE_P384);
    struct bytes ikm_recipient = member(row, "ikmR");
    struct bytes ikm_ephemeral = member(row, "ikmE");
    struct bytes public_key = member(row, "pkRm");
    struct bytes expected_enc = member(row, "enc");
    struct bytes secret = member(row, "shared_secret");
    struct vsa_slice info = vsa_slice_of_text("info");
    struct vsa_dh_key *recipient = derive_key_pair(&ikm_recipient);
    struct vsa_dh_key *ephemeral = derive_key_pair(&ikm_ephemeral);
    struct vsa_hpke_context expected;
    struct vsa_hpke_context sender;
    struct vsa_hpke_context opener;
    uint8_t enc[VSA_HPKE_MAX_ENC];
    vsa_dh_public(recipient, enc);
    assert_bytes(enc, &public_key);
    assert_int_equal(
        vsa_hpke_setup_sender_with(suite, ephemeral, slice(&public_key), info, enc, &sender, NULL),
        VSA_OK);
    assert_bytes(enc, &expected_enc);
    assert_int_equal(vsa_hpke_setup_recipient(suite, recipient, vsa_slice_of(enc, sizeof(enc)),
                                              info, &opener, NULL),
                     VSA_OK);
    assert_int_equal(vsa_hpke_key_schedule(suite, slice(&secret), info, &expected, NULL), VSA_OK);
    assert_memory_equal(&sender, &expected, sizeof(expected));
    assert_memory_equal(&opener, &expected, sizeof(expected));
    vsa_dh_key_free(recipient);
    vsa_dh_key_free(ephemeral);
}

static void every_suite_opens_what_it_sealed(void **state)
{
    (void)state;
    static const uint16_t kems[] = {VSA_HPKE_X25519, VSA_HPKE_P256, VSA_HPKE_P384};
    struct vsa_slice info = vsa_slice_of_text("info");
    struct vsa_slice aad = vsa_slice_of_text("aad");
    struct vsa_slice text = vsa_slice_of_text("attack at dawn");
    for (size_t i = 0; i < 3; i++) {
        const struct vsa_hpke_suite *suite = vsa_hpke_find_suite(kems[i]);
        VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *key = NULL;
        uint8_t public_key[VSA_HPKE_MAX_ENC];
        uint8_t enc[VSA_HPKE_MAX_ENC];
        uint8_t again[VSA_HPKE_MAX_ENC];
        uint8_t sealed[64];
        uint8_t opened[64];
        struct vsa_hpke_context sender;
        struct vsa_hpke_context opener;
        assert_int_equal(vsa_dh_key_generate(suite->group, &key, NULL), VSA_OK);
        vsa_dh_public(key, public_key);
        struct vsa_slice recipient = vsa_slice_of(public_key, suite->enc_size);
        assert_int_equal(vsa_hpke_setup_sender(suite, recipient, info, again, &sender, NULL),
                         VSA_OK);
        assert_int_equal(vsa_hpke_setup_sender(suite, recipient, info, enc, &sender, NULL), VSA_OK);
        assert_memory_not_equal(enc, again, suite->enc_size);
        assert_int_equal(vsa_hpke_seal(&sender, aad, text, sealed, NULL), VSA_OK);
        assert_int_equal(vsa_hpke_setup_recipient(suite, key, vsa_slice_of(enc, suite->enc_size),
                                                  info, &opener, NULL),
                         VSA_OK);
        struct vsa_slice message = vsa_slice_of(sealed, text.size + VSA_AEAD_TAG_SIZE);
        assert_int_equal(vsa_hpke_open(&opener, info, message, opened, NULL), VSA_ERR_SEALED);
        assert_true(vsa_slice_is_zero(vsa_slice_of(opened, text.size)));
        assert_int_equal(vsa_hpke_open(&opener, aad, message, opened, NULL), VSA_OK);
        assert_memory_equal(opened, text.data, text.size);
        /* The same message again has another number. */
        assert_int_equal(vsa_hpke_open(&opener, aad, message, opened, NULL), VSA_ERR_SEALED);
    }
    assert_null(vsa_hpke_find_suite(0x0012));
    assert_null(vsa_hpke_find_suite(0));
}

/* Whatever a hostile sender gives as `enc` is refused, or leads to a key that opens nothing. */
static void hostile_public_keys(void **state)
{
    (void)state;
    static const uint16_t kems[] = {VSA_HPKE_X25519, VSA_HPKE_P256, VSA_HPKE_P384};
    struct vsa_slice info = vsa_slice_of_text("info");
    for (size_t i = 0; i < 3; i++) {
        const struct vsa_hpke_suite *suite = vsa_hpke_find_suite(kems[i]);
        VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *key = NULL;
        struct vsa_hpke_context context;
        struct vsa_error error;
        uint8_t enc[VSA_HPKE_MAX_ENC + 1] = {0};
        assert_int_equal(vsa_dh_key_generate(suite->group, &key, NULL), VSA_OK);
        for (size_t size = 0; size <= sizeof(enc); size++)
            assert_int_equal(vsa_hpke_setup_recipient(suite, key, vsa_slice_of(enc, size), info,
                                                      &context, &error),
                             VSA_ERR_SEALED);
        if (suite->group == VSA_DH_X25519) {
            /* Points of small order (RFC 7748 section 6.1): 0 above, 1 here. */
            enc[0] = 1;
            assert_int_equal(
                vsa_hpke_setup_recipient(suite, key, vsa_slice_of(enc, 32), info, &context, &error),
                VSA_ERR_SEALED);
            continue;
        }
        vsa_dh_public(key, enc);
        enc[suite->enc_size - 1] ^= 1; /* not on the curve */
        assert_int_equal(vsa_hpke_setup_recipient(suite, key, vsa_slice_of(enc, suite->enc_size),
                                                  info, &context, &error),
                         VSA_ERR_SEALED);
        enc[suite->enc_size - 1] ^= 1;
        enc[0] = (uint8_t)(0x06 | (enc[suite->enc_size - 1] & 1)); /* hybrid form of SEC 1 */
        assert_int_equal(vsa_hpke_setup_recipient(suite, key, vsa_slice_of(enc, suite->enc_size),
                                                  info, &context, &error),
                         VSA_ERR_SEALED);
    }
}

static void numbers_run_out(void **state)
{
    (void)state;
    struct vsa_hpke_context context = {.suite = vsa_hpke_find_suite(VSA_HPKE_X25519),
                                       .sequence = UINT64_MAX};
    uint8_t output[32] = {0};
    struct vsa_slice none = vsa_slice_of(NULL, 0);
    assert_int_equal(vsa_hpke_seal(&context, none, none, output, NULL), VSA_ERR_TOO_MANY);
    assert_int_equal(vsa_hpke_open(&context, none, vsa_slice_of(output, 16), output, NULL),
                     VSA_ERR_TOO_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(published_key_schedules_with_sha384),
        cmocka_unit_test(published_kem_of_p384),
        cmocka_unit_test(every_suite_opens_what_it_sealed),
        cmocka_unit_test(hostile_public_keys),
        cmocka_unit_test(numbers_run_out),
    };
    return cmocka_run_group_tests_name("hpke", tests, load_vectors, free_vectors);
}
