/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/hex.h"
#include "base/slice.h"
#include "crypto/key.h"
#include <vsattest/limits.h>

/*
 * ES384 of aws-nitro-enclaves-cose src/sign.rs (checked there with COSE-C): key and signature of
 * an untagged COSE_Sign1 with protected header a1013822 and a sentence as payload.
 */
static const char private_scalar[] =
    "55c6aa815a31741bc37f0ffddea73af2397bad640816ef22bfb689efc1b6cc682a73f7e5a657248e3abad500e46d"
    "5afc";
static const char public_point[] =
    "5a829f62f2f4f095c0e922719285b4b981c677912870a413137a5d7319916fa8584a6036951d06ffeae99ca73ab1"
    "a2dce1b76e08cb20d6afcea7423f8b49ec841dde6f210a6174750bf8136a315494224df153184557a6c29a1d7994"
    "804f604c";
static const char signature_hex[] =
    "cd42d27632d5414e4b545c95fde6e3505b93580f4b7731d14a86523175266cdeb24aff2de3364e9ceee9f9f795a0"
    "15155bc712aa2863e2aaf6078a819093fdfc7059a3f1467f64ec7e221fd163d80b3b552625cf379d1cbb9e5138cc"
    "d07a1931";
static const char payload[] = "It is a truth universally acknowledged, that a single man in "
                              "possession of a good fortune, must be in want of a wife.";
static const char order_hex[] =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc5"
    "2973";

static void from_hex(const char *hex, uint8_t *bytes, size_t size)
{
    assert_int_equal(vsa_hex_decode(vsa_slice_of_text(hex), bytes, size, NULL), VSA_OK);
}

/* SEC 1 ECPrivateKey with the named curve and the public point. */
static struct vsa_key *known_key(void)
{
    static uint8_t der[167];
    static const char head[] = "3081a40201010430";
    uint8_t *at = der;
    from_hex(head, at, 8);
    from_hex(private_scalar, at + 8, 48);
    from_hex("a00706052b81040022a16403620004", at + 56, 15);
    from_hex(public_point, at + 71, 96);
    struct vsa_key *key = NULL;
    struct vsa_error error = {0};
    if (vsa_key_read_private(vsa_slice_of(der, sizeof(der)), &key, &error) != VSA_OK)
        fail_msg("%s", error.detail);
    return key;
}

/* Sig_structure of RFC 9052 section 4.4, in two parts as the library hands it over. */
static void known_message(struct vsa_slice parts[2])
{
    static uint8_t prefix[19];
    from_hex("846a5369676e61747572653144a10138224058", prefix, 19);
    static uint8_t whole[20 + sizeof(payload)];
    memcpy(whole, prefix, 19);
    whole[19] = sizeof(payload) - 1;
    parts[0] = vsa_slice_of(whole, 20);
    parts[1] = vsa_slice_of_text(payload);
}

static enum vsa_status verify(const struct vsa_key *key, const uint8_t *signature, size_t size)
{
    struct vsa_slice parts[2];
    known_message(parts);
    return vsa_key_verify(key, parts, 2, vsa_slice_of(signature, size), NULL);
}

static void known_signature_verifies(void **state)
{
    (void)state;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = known_key();
    uint8_t signature[96];
    from_hex(signature_hex, signature, 96);
    assert_int_equal(sizeof(payload) - 1, 117);
    assert_int_equal(vsa_key_curve(key), VSA_CURVE_P384);
    assert_int_equal(verify(key, signature, 96), VSA_OK);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = known_key();
    uint8_t signature[96];
    from_hex(signature_hex, signature, 96);
    for (size_t bit = 0; bit < 768; bit += 31) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(verify(key, signature, 96), VSA_ERR_SIGNATURE);
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(verify(key, signature, 96), VSA_OK);
}

/* a - b, big endian, 48 bytes. */
static void subtract(const uint8_t *a, const uint8_t *b, uint8_t *difference)
{
    int borrow = 0;
    for (int i = 47; i >= 0; i--) {
        int digit = a[i] - b[i] - borrow;
        borrow = digit < 0;
        difference[i] = (uint8_t)(digit + (borrow ? 256 : 0));
    }
}

/* 18 of 31 real signatures have s above n/2: both halves are signatures. */
static void low_and_high_s_verify(void **state)
{
    (void)state;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = known_key();
    uint8_t signature[96];
    uint8_t order[48];
    from_hex(signature_hex, signature, 96);
    from_hex(order_hex, order, 48);
    subtract(order, signature + 48, signature + 48);
    assert_true(signature[48] & 0x80);
    assert_int_equal(verify(key, signature, 96), VSA_OK);
}

static void values_out_of_range_are_refused(void **state)
{
    (void)state;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = known_key();
    uint8_t good[96];
    uint8_t order[48];
    from_hex(signature_hex, good, 96);
    from_hex(order_hex, order, 48);
    for (size_t half = 0; half < 96; half += 48) {
        uint8_t signature[96];
        memcpy(signature, good, 96);
        memset(signature + half, 0, 48);
        assert_int_equal(verify(key, signature, 96), VSA_ERR_SIGNATURE);
        signature[half + 47] = 1;
        assert_int_equal(verify(key, signature, 96), VSA_ERR_SIGNATURE);
        memcpy(signature + half, order, 48);
        assert_int_equal(verify(key, signature, 96), VSA_ERR_SIGNATURE);
        memset(signature + half, 0xff, 48);
        assert_int_equal(verify(key, signature, 96), VSA_ERR_SIGNATURE);
    }
    /* "Psychic signatures", CVE-2022-21449. */
    uint8_t zeros[96] = {0};
    assert_int_equal(verify(key, zeros, 96), VSA_ERR_SIGNATURE);
    /* (n, n) is (0, 0) for a verifier that reduces first. */
    memcpy(zeros, order, 48);
    memcpy(zeros + 48, order, 48);
    assert_int_equal(verify(key, zeros, 96), VSA_ERR_SIGNATURE);
}

static void other_sizes_are_refused(void **state)
{
    (void)state;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = known_key();
    uint8_t signature[133] = {0};
    static const size_t sizes[] = {0, 1, 48, 64, 95, 97, 102, 132};
    from_hex(signature_hex, signature, 96);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_int_equal(verify(key, signature, sizes[i]), VSA_ERR_SIGNATURE);
}

static void another_message_is_refused(void **state)
{
    (void)state;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = known_key();
    uint8_t signature[96];
    struct vsa_slice parts[2];
    from_hex(signature_hex, signature, 96);
    known_message(parts);
    struct vsa_slice raw = vsa_slice_of(signature, 96);
    assert_int_equal(vsa_key_verify(key, parts, 1, raw, NULL), VSA_ERR_SIGNATURE);
    assert_int_equal(vsa_key_verify(key, parts + 1, 1, raw, NULL), VSA_ERR_SIGNATURE);
    assert_int_equal(vsa_key_verify(key, parts, 0, raw, NULL), VSA_ERR_SIGNATURE);
    parts[1].size--;
    assert_int_equal(vsa_key_verify(key, parts, 2, raw, NULL), VSA_ERR_SIGNATURE);
}

static void all_curves_sign_and_verify(void **state)
{
    static const struct {
        enum vsa_curve curve;
        size_t size;
        size_t spki;
    } rows[] = {{VSA_CURVE_P256, 64, 91},
                {VSA_CURVE_P384, 96, VSA_P384_SPKI_SIZE},
                {VSA_CURVE_P521, 132, 158}};
    (void)state;
    struct vsa_slice message = vsa_slice_of_text("message");
    struct vsa_slice other = vsa_slice_of_text("massage");
    for (size_t i = 0; i < 3; i++) {
        VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
        VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *stranger = NULL;
        uint8_t signature[VSA_MAX_SIGNATURE_SIZE];
        uint8_t spki[256];
        struct vsa_slice der;
        assert_int_equal(vsa_key_generate(rows[i].curve, &key, NULL), VSA_OK);
        assert_int_equal(vsa_key_generate(rows[i].curve, &stranger, NULL), VSA_OK);
        assert_int_equal(vsa_key_curve(key), rows[i].curve);
        assert_int_equal(vsa_curve_signature_size(rows[i].curve), rows[i].size);
        assert_int_equal(vsa_key_write_public(key, spki, sizeof(spki), &der, NULL), VSA_OK);
        assert_int_equal(der.size, rows[i].spki);
        assert_int_equal(vsa_key_write_public(key, spki, der.size - 1, &der, NULL), VSA_ERR_BUFFER);
        for (int k = 0; k < 4; k++) {
            assert_int_equal(vsa_key_sign(key, &message, 1, signature, NULL), VSA_OK);
            struct vsa_slice raw = vsa_slice_of(signature, rows[i].size);
            assert_int_equal(vsa_key_verify(key, &message, 1, raw, NULL), VSA_OK);
            assert_int_equal(vsa_key_verify(key, &other, 1, raw, NULL), VSA_ERR_SIGNATURE);
            assert_int_equal(vsa_key_verify(stranger, &message, 1, raw, NULL), VSA_ERR_SIGNATURE);
        }
    }
    assert_int_equal(vsa_curve_signature_size(VSA_CURVE_NONE), 0);
    struct vsa_key *none = NULL;
    assert_int_equal(vsa_key_generate(VSA_CURVE_NONE, &none, NULL), VSA_ERR_ARGUMENT);
    assert_null(none);
}

/* Alone, beside a key on the same curve and beside one on another. */
static void public_keys_of_points(void **state)
{
    (void)state;
    struct vsa_slice parts[2];
    uint8_t signature[VSA_MAX_SIGNATURE_SIZE];
    uint8_t point[98] = {4};
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *same = known_key();
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *other = NULL;
    assert_int_equal(vsa_key_generate(VSA_CURVE_P256, &other, NULL), VSA_OK);
    known_message(parts);
    from_hex(signature_hex, signature, 96);
    from_hex(public_point, point + 1, 96);
    for (size_t i = 0; i < 3; i++) {
        const struct vsa_key *beside = i == 0 ? NULL : i == 1 ? same : other;
        VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
        struct vsa_key *none = NULL;
        assert_int_equal(
            vsa_key_from_point(VSA_CURVE_P384, vsa_slice_of(point, 97), beside, &key, NULL),
            VSA_OK);
        assert_int_equal(vsa_key_verify(key, parts, 2, vsa_slice_of(signature, 96), NULL), VSA_OK);
        for (size_t size = 0; size <= 98; size++)
            if (size != 97)
                assert_int_equal(vsa_key_from_point(VSA_CURVE_P384, vsa_slice_of(point, size),
                                                    beside, &none, NULL),
                                 VSA_ERR_CERTIFICATE_SYNTAX);
        /* Off the curve, and forms that are not the uncompressed one. */
        point[96] ^= 1;
        assert_int_equal(
            vsa_key_from_point(VSA_CURVE_P384, vsa_slice_of(point, 97), beside, &none, NULL),
            VSA_ERR_CERTIFICATE_SYNTAX);
        point[96] ^= 1;
        for (unsigned form = 0; form < 256; form++) {
            point[0] = (uint8_t)form;
            if (form != 4)
                assert_int_equal(vsa_key_from_point(VSA_CURVE_P384, vsa_slice_of(point, 97), beside,
                                                    &none, NULL),
                                 VSA_ERR_CERTIFICATE_SYNTAX);
        }
        point[0] = 4;
        assert_null(none);
    }
}

static void private_keys_round_trip(void **state)
{
    (void)state;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *back = NULL;
    uint8_t buffer[512];
    uint8_t signature[96];
    struct vsa_slice der;
    struct vsa_slice message = vsa_slice_of_text("message");
    assert_int_equal(vsa_key_generate(VSA_CURVE_P384, &key, NULL), VSA_OK);
    assert_int_equal(vsa_key_write_private(key, buffer, sizeof(buffer), &der, NULL), VSA_OK);
    assert_int_equal(vsa_key_read_private(der, &back, NULL), VSA_OK);
    assert_int_equal(vsa_key_sign(back, &message, 1, signature, NULL), VSA_OK);
    assert_int_equal(vsa_key_verify(key, &message, 1, vsa_slice_of(signature, 96), NULL), VSA_OK);
    assert_int_equal(vsa_key_write_private(key, buffer, 10, &der, NULL), VSA_ERR_BUFFER);
    vsa_wipe(buffer, sizeof(buffer));
}

static void what_is_no_private_key_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "x", "-----BEGIN PRIVATE KEY-----\n",
                                        ("-----BEGIN PRIVATE KEY-----\nAAAA\n"
                                         "-----END PRIVATE KEY-----\n")};
    static uint8_t huge[VSA_MAX_KEY_FILE + 1];
    struct vsa_key *key = NULL;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(vsa_key_read_private(vsa_slice_of_text(texts[i]), &key, NULL),
                         VSA_ERR_CERTIFICATE_SYNTAX);
    assert_int_equal(vsa_key_read_private(vsa_slice_of(huge, sizeof(huge)), &key, NULL),
                     VSA_ERR_CERTIFICATE_SYNTAX);
    assert_null(key);
}

/* secp256k1: a key that libcrypto reads, on a curve that is not ours. */
static void other_curves_are_refused(void **state)
{
    (void)state;
    uint8_t der[48];
    struct vsa_key *key = NULL;
    from_hex("302e0201010420", der, 7);
    memset(der + 7, 1, 32);
    from_hex("a00706052b8104000a", der + 39, 9);
    assert_int_equal(vsa_key_read_private(vsa_slice_of(der, sizeof(der)), &key, NULL),
                     VSA_ERR_ARGUMENT);
    assert_null(key);
}

/* An encrypted key must not ask for a pass phrase on the terminal: it is refused. */
static void encrypted_keys_are_refused(void **state)
{
    (void)state;
    static const char pem[] =
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
        "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END EC PRIVATE KEY-----\n";
    struct vsa_key *key = NULL;
    assert_int_equal(vsa_key_read_private(vsa_slice_of_text(pem), &key, NULL),
                     VSA_ERR_CERTIFICATE_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_signature_verifies),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(low_and_high_s_verify),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(other_sizes_are_refused),
        cmocka_unit_test(another_message_is_refused),
        cmocka_unit_test(all_curves_sign_and_verify),
        cmocka_unit_test(public_keys_of_points),
        cmocka_unit_test(private_keys_round_trip),
        cmocka_unit_test(what_is_no_private_key_is_refused),
        cmocka_unit_test(other_curves_are_refused),
        cmocka_unit_test(encrypted_keys_are_refused),
    };
    return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
