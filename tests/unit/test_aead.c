/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/hex.h"
#include "base/slice.h"
#include "crypto/aead.h"

static struct vsa_slice from_hex(const char *hex, uint8_t *bytes)
{
    size_t size = strlen(hex) / 2;
    assert_int_equal(vsa_hex_decode(vsa_slice_of_text(hex), bytes, size, NULL), VSA_OK);
    return vsa_slice_of(bytes, size);
}

/* The GCM specification (McGrew and Viega), appendix B: test cases 4 and 16. */
static void known_answers(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *sealed;
    } rows[] = {
        {"feffe9928665731c6d6a8f9467308308",
         "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aa"
         "c84aa05"
         "1ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47"},
        {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105"
         "6828838"
         "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
    };
    uint8_t key[32];
    uint8_t nonce[12];
    uint8_t aad[20];
    uint8_t text[60];
    uint8_t expected[76];
    uint8_t made[76];
    struct vsa_slice aad_slice = from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad);
    struct vsa_slice text_slice = from_hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e"
        "2449a6b525b16aedf5aa0de657ba637b39",
        text);
    (void)from_hex("cafebabefacedbaddecaf888", nonce);
    for (size_t i = 0; i < 2; i++) {
        struct vsa_slice key_slice = from_hex(rows[i].key, key);
        struct vsa_slice sealed = from_hex(rows[i].sealed, expected);
        assert_int_equal(vsa_aead_seal(key_slice, nonce, aad_slice, text_slice, made, NULL),
                         VSA_OK);
        assert_memory_equal(made, expected, sealed.size);
        assert_int_equal(vsa_aead_open(key_slice, nonce, aad_slice, sealed, made, NULL), VSA_OK);
        assert_memory_equal(made, text, sizeof(text));
    }
}

static void every_bit_counts(void **state)
{
    (void)state;
    uint8_t key[32] = {1};
    uint8_t nonce[12] = {2};
    uint8_t aad[3] = {3, 4, 5};
    uint8_t sealed[8 + VSA_AEAD_TAG_SIZE];
    uint8_t opened[8];
    struct {
        uint8_t *bytes;
        size_t size;
    } inputs[] = {{key, 32}, {nonce, 12}, {aad, 3}, {sealed, sizeof(sealed)}};
    assert_int_equal(vsa_aead_seal(vsa_slice_of(key, 32), nonce, vsa_slice_of(aad, 3),
                                   vsa_slice_of_text("8 bytes!"), sealed, NULL),
                     VSA_OK);
    for (size_t i = 0; i < 4; i++)
        for (size_t bit = 0; bit < 8 * inputs[i].size; bit++) {
            inputs[i].bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            assert_int_equal(vsa_aead_open(vsa_slice_of(key, 32), nonce, vsa_slice_of(aad, 3),
                                           vsa_slice_of(sealed, sizeof(sealed)), opened, NULL),
                             VSA_ERR_SEALED);
            assert_true(vsa_slice_is_zero(vsa_slice_of(opened, sizeof(opened))));
            inputs[i].bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
    for (size_t size = 0; size < sizeof(sealed); size++)
        assert_int_equal(vsa_aead_open(vsa_slice_of(key, 32), nonce, vsa_slice_of(aad, 3),
                                       vsa_slice_of(sealed, size), opened, NULL),
                         VSA_ERR_SEALED);
}

static void empty_text_has_a_tag(void **state)
{
    (void)state;
    uint8_t key[32] = {1};
    uint8_t nonce[12] = {2};
    uint8_t sealed[VSA_AEAD_TAG_SIZE];
    struct vsa_slice none = vsa_slice_of(NULL, 0);
    assert_int_equal(vsa_aead_seal(vsa_slice_of(key, 32), nonce, none, none, sealed, NULL), VSA_OK);
    assert_int_equal(
        vsa_aead_open(vsa_slice_of(key, 32), nonce, none, vsa_slice_of(sealed, 16), NULL, NULL),
        VSA_OK);
    assert_int_equal(vsa_aead_open(vsa_slice_of(key, 32), nonce, vsa_slice_of_text("aad"),
                                   vsa_slice_of(sealed, 16), NULL, NULL),
                     VSA_ERR_SEALED);
    assert_int_equal(vsa_aead_seal(vsa_slice_of(key, 31), nonce, none, none, sealed, NULL),
                     VSA_ERR_CRYPTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(empty_text_has_a_tag),
    };
    return cmocka_run_group_tests_name("aead", tests, NULL, NULL);
}
