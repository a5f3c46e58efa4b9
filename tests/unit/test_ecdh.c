/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/hex.h"
#include "base/slice.h"
#include "crypto/ecdh.h"
#include "crypto/key.h"
#include "failing_libcrypto.h"

static struct vsa_slice from_hex(const char *hex, uint8_t *bytes)
{
    size_t size = strlen(hex) / 2;
    assert_int_equal(vsa_hex_decode(vsa_slice_of_text(hex), bytes, size, NULL), VSA_OK);
    return vsa_slice_of(bytes, size);
}

/* RFC 7748 section 6.1. */
static void x25519_known_answer(void **state)
{
    (void)state;
    uint8_t scalar[32];
    uint8_t expected[32];
    uint8_t made[32];
    uint8_t secret[32];
    VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *alice = NULL;
    struct vsa_slice a =
        from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", scalar);
    assert_int_equal(vsa_dh_key_from_scalar(VSA_DH_X25519, a, &alice, NULL), VSA_OK);
    vsa_dh_public(alice, made);
    (void)from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", expected);
    assert_memory_equal(made, expected, 32);
    uint8_t bob[32];
    struct vsa_slice peer =
        from_hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", bob);
    assert_int_equal(vsa_dh_derive(alice, peer, secret, NULL), VSA_OK);
    (void)from_hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", expected);
    assert_memory_equal(secret, expected, 32);
}

static void both_sides_agree(void **state)
{
    (void)state;
    for (enum vsa_dh_group group = VSA_DH_X25519; group <= VSA_DH_P384; group++) {
        VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *one = NULL;
        VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *other = NULL;
        uint8_t one_public[VSA_MAX_DH_PUBLIC];
        uint8_t other_public[VSA_MAX_DH_PUBLIC];
        uint8_t one_secret[VSA_MAX_DH_SECRET];
        uint8_t other_secret[VSA_MAX_DH_SECRET];
        size_t size = vsa_dh_public_size(group);
        assert_int_equal(vsa_dh_key_generate(group, &one, NULL), VSA_OK);
        assert_int_equal(vsa_dh_key_generate(group, &other, NULL), VSA_OK);
        vsa_dh_public(one, one_public);
        vsa_dh_public(other, other_public);
        assert_memory_not_equal(one_public, other_public, size);
        assert_int_equal(vsa_dh_derive(one, vsa_slice_of(other_public, size), one_secret, NULL),
                         VSA_OK);
        assert_int_equal(vsa_dh_derive(other, vsa_slice_of(one_public, size), other_secret, NULL),
                         VSA_OK);
        assert_memory_equal(one_secret, other_secret, vsa_dh_secret_size(group));
    }
}

/* Of the point (0, sqrt(b)) with the scalar 1: x is zero, which only X25519 has to refuse. */
static void secrets_of_zeros(void **state)
{
    (void)state;
    static const struct {
        enum vsa_dh_group group;
        const char *peer;
        enum vsa_status status;
    } rows[] = {
        {VSA_DH_P256,
         "040000000000000000000000000000000000000000000000000000000000000000"
         "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4",
         VSA_OK},
        {VSA_DH_P384,
         "04000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000"
         "000000"
         "c306610fb0ae5a159cf45c06069f22a6c5eb3641c602d42dea2c4b4f75550793406d80d2b91ad54f9048bd48"
         "7af1ade1",
         VSA_OK},
        {VSA_DH_X25519, "0000000000000000000000000000000000000000000000000000000000000000",
         VSA_ERR_SEALED},
    };
    for (size_t i = 0; i < 3; i++) {
        VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *key = NULL;
        uint8_t scalar[VSA_MAX_DH_SECRET] = {0};
        uint8_t peer[VSA_MAX_DH_PUBLIC];
        uint8_t secret[VSA_MAX_DH_SECRET];
        size_t size = vsa_dh_secret_size(rows[i].group);
        scalar[size - 1] = 1;
        memset(secret, 0xff, sizeof(secret));
        assert_int_equal(
            vsa_dh_key_from_scalar(rows[i].group, vsa_slice_of(scalar, size), &key, NULL), VSA_OK);
        assert_int_equal(vsa_dh_derive(key, from_hex(rows[i].peer, peer), secret, NULL),
                         rows[i].status);
        assert_true(vsa_slice_is_zero(vsa_slice_of(secret, size)));
    }
}

static void scalars_out_of_range(void **state)
{
    (void)state;
    uint8_t scalar[VSA_MAX_DH_SECRET] = {0};
    struct vsa_dh_key *key = NULL;
    assert_int_equal(vsa_dh_key_from_scalar(VSA_DH_P384, vsa_slice_of(scalar, 48), &key, NULL),
                     VSA_ERR_ARGUMENT);
    memset(scalar, 0xff, sizeof(scalar));
    assert_int_equal(vsa_dh_key_from_scalar(VSA_DH_P256, vsa_slice_of(scalar, 32), &key, NULL),
                     VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_dh_key_from_scalar(VSA_DH_X25519, vsa_slice_of(scalar, 31), &key, NULL),
                     VSA_ERR_ARGUMENT);
    assert_null(key);
}

/* The constants hold what libcrypto writes for a public key of the same curve. */
static void spki_is_what_libcrypto_writes(void **state)
{
    (void)state;
    static const struct {
        enum vsa_dh_group group;
        enum vsa_curve curve;
    } rows[] = {{VSA_DH_P256, VSA_CURVE_P256}, {VSA_DH_P384, VSA_CURVE_P384}};
    for (size_t i = 0; i < 2; i++) {
        VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
        uint8_t buffer[256];
        uint8_t spki[VSA_MAX_DH_SPKI];
        struct vsa_slice expected;
        size_t point = vsa_dh_public_size(rows[i].group);
        assert_int_equal(vsa_key_generate(rows[i].curve, &key, NULL), VSA_OK);
        assert_int_equal(vsa_key_write_public(key, buffer, sizeof(buffer), &expected, NULL),
                         VSA_OK);
        size_t size = vsa_dh_write_spki(rows[i].group, expected.data + expected.size - point, spki);
        assert_int_equal(size, expected.size);
        assert_memory_equal(spki, expected.data, size);
    }
    /* RFC 8410 section 4. */
    uint8_t zeros[32] = {0};
    uint8_t spki[VSA_MAX_DH_SPKI];
    assert_int_equal(vsa_dh_write_spki(VSA_DH_X25519, zeros, spki), 44);
    assert_memory_equal(spki, "\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00", 12);
}

/*
 * Derives from `peer` with every allocation failing in turn, alone or with all behind it: until one
 * is made that nothing needs. What then is said of the peer must be what memory would say.
 */
static void derive_without_memory(enum vsa_dh_group group, struct vsa_slice peer, bool only_one,
                                  enum vsa_status expected)
{
    bool failed = true;
    for (int after = 0; failed; after++) {
        VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *key = NULL;
        uint8_t secret[VSA_MAX_DH_SECRET];
        assert_in_range(after, 0, 2000);
        assert_int_equal(vsa_dh_key_generate(group, &key, NULL), VSA_OK);
        failing_libcrypto_after(after, only_one);
        enum vsa_status status = vsa_dh_derive(key, peer, secret, NULL);
        failed = failing_libcrypto_end();
        if (status != expected) {
            assert_int_equal(status, VSA_ERR_CRYPTO);
            assert_true(failed);
            assert_true(vsa_slice_is_zero(vsa_slice_of(secret, vsa_dh_secret_size(group))));
        }
        assert_int_equal(vsa_dh_derive(key, peer, secret, NULL), expected);
    }
}

static bool libcrypto_can_fail;

static void memory_is_short(void **state)
{
    (void)state;
    if (!libcrypto_can_fail)
        SKIP_BECAUSE("libcrypto keeps its memory, or crashes without");
    for (enum vsa_dh_group group = VSA_DH_X25519; group <= VSA_DH_P384; group++) {
        VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *other = NULL;
        uint8_t peer[VSA_MAX_DH_PUBLIC];
        size_t size = vsa_dh_public_size(group);
        assert_int_equal(vsa_dh_key_generate(group, &other, NULL), VSA_OK);
        vsa_dh_public(other, peer);
        derive_without_memory(group, vsa_slice_of(peer, size), false, VSA_OK);
        derive_without_memory(group, vsa_slice_of(peer, size), true, VSA_OK);
        peer[size - 1] ^= 1; /* of X25519 a key like any other */
        if (group != VSA_DH_X25519)
            derive_without_memory(group, vsa_slice_of(peer, size), true, VSA_ERR_SEALED);
    }
}

/* A coordinate that is no number of the field, and a point beside the curve. */
static void points_that_are_none(void **state)
{
    (void)state;
    for (enum vsa_dh_group group = VSA_DH_P256; group <= VSA_DH_P384; group++) {
        VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *key = NULL;
        uint8_t peer[VSA_MAX_DH_PUBLIC];
        uint8_t secret[VSA_MAX_DH_SECRET];
        size_t size = vsa_dh_public_size(group);
        assert_int_equal(vsa_dh_key_generate(group, &key, NULL), VSA_OK);
        memset(peer, 0xff, sizeof(peer));
        peer[0] = 0x04;
        assert_int_equal(vsa_dh_derive(key, vsa_slice_of(peer, size), secret, NULL),
                         VSA_ERR_SEALED);
        memset(peer + 1, 0, size - 1);
        assert_int_equal(vsa_dh_derive(key, vsa_slice_of(peer, size), secret, NULL),
                         VSA_ERR_SEALED);
        peer[0] = 0x02;
        assert_int_equal(vsa_dh_derive(key, vsa_slice_of(peer, size), secret, NULL),
                         VSA_ERR_SEALED);
    }
}

int main(void)
{
    libcrypto_can_fail = failing_libcrypto_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x25519_known_answer),
        cmocka_unit_test(both_sides_agree),
        cmocka_unit_test(secrets_of_zeros),
        cmocka_unit_test(scalars_out_of_range),
        cmocka_unit_test(spki_is_what_libcrypto_writes),
        cmocka_unit_test(points_that_are_none),
        cmocka_unit_test(memory_is_short),
    };
    return cmocka_run_group_tests_name("ecdh", tests, NULL, NULL);
}
