/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "base/hex.h"
#include "base/slice.h"
#include "crypto/hkdf.h"

static void assert_hex(const uint8_t *bytes, size_t size, const char *hex)
{
    char text[2 * 255 * VSA_MAX_HASH_SIZE + 1];
    vsa_hex_encode(vsa_slice_of(bytes, size), text, sizeof(text));
    assert_string_equal(text, hex);
}

static void fill(uint8_t *bytes, size_t size, uint8_t first)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(first + i);
}

/* RFC 5869 Appendix A.1, the inputs in two parts. */
static void basic_case(void **state)
{
    (void)state;
    uint8_t ikm[22];
    uint8_t salt[13];
    uint8_t info[10];
    uint8_t prk[32];
    uint8_t output[42];
    memset(ikm, 0x0b, sizeof(ikm));
    fill(salt, sizeof(salt), 0x00);
    fill(info, sizeof(info), 0xf0);
    struct vsa_slice ikm_parts[] = {vsa_slice_of(ikm, 7), vsa_slice_of(ikm, 15)};
    struct vsa_slice info_parts[] = {vsa_slice_of(info, 1), vsa_slice_of(info + 1, 9)};
    assert_int_equal(
        vsa_hkdf_extract(VSA_HASH_SHA256, vsa_slice_of(salt, 13), ikm_parts, 2, prk, NULL), VSA_OK);
    assert_hex(prk, 32, "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    assert_int_equal(vsa_hkdf_expand(VSA_HASH_SHA256, prk, info_parts, 2, output, 42, NULL),
                     VSA_OK);
    assert_hex(
        output, 42,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

/* RFC 5869 Appendix A.2: more than one block. */
static void long_case(void **state)
{
    (void)state;
    uint8_t ikm[80];
    uint8_t salt[80];
    uint8_t info[80];
    uint8_t prk[32];
    uint8_t output[82];
    fill(ikm, 80, 0x00);
    fill(salt, 80, 0x60);
    fill(info, 80, 0xb0);
    struct vsa_slice ikm_part = vsa_slice_of(ikm, 80);
    struct vsa_slice info_part = vsa_slice_of(info, 80);
    assert_int_equal(
        vsa_hkdf_extract(VSA_HASH_SHA256, vsa_slice_of(salt, 80), &ikm_part, 1, prk, NULL), VSA_OK);
    assert_int_equal(vsa_hkdf_expand(VSA_HASH_SHA256, prk, &info_part, 1, output, 82, NULL),
                     VSA_OK);
    assert_hex(
        output, 82,
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
        "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

/* RFC 5869 Appendix A.3: no salt, no info. A salt of zeros is the same (section 2.2). */
static void empty_salt(void **state)
{
    (void)state;
    static const uint8_t zeros[32];
    uint8_t ikm[22];
    uint8_t prk[32];
    uint8_t output[42];
    memset(ikm, 0x0b, sizeof(ikm));
    struct vsa_slice part = vsa_slice_of(ikm, sizeof(ikm));
    const struct vsa_slice salts[] = {{NULL, 0}, {zeros, 0}, {zeros, 32}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(vsa_hkdf_extract(VSA_HASH_SHA256, salts[i], &part, 1, prk, NULL), VSA_OK);
        assert_hex(prk, 32, "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
    }
    assert_int_equal(vsa_hkdf_expand(VSA_HASH_SHA256, prk, NULL, 0, output, 42, NULL), VSA_OK);
    assert_hex(
        output, 42,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

static void size_is_bounded(void **state)
{
    (void)state;
    static uint8_t output[255 * VSA_MAX_HASH_SIZE + 1];
    uint8_t prk[VSA_MAX_HASH_SIZE] = {0};
    assert_int_equal(vsa_hkdf_expand(VSA_HASH_SHA384, prk, NULL, 0, output, 255 * (size_t)48, NULL),
                     VSA_OK);
    assert_int_equal(
        vsa_hkdf_expand(VSA_HASH_SHA384, prk, NULL, 0, output, 255 * (size_t)48 + 1, NULL),
        VSA_ERR_TOO_LARGE);
}

/* RFC 4231 test case 2, in two parts, and without a key. */
static void hmac(void **state)
{
    (void)state;
    uint8_t mac[VSA_MAX_HASH_SIZE];
    const struct vsa_slice parts[] = {vsa_slice_of_text("what do ya want "),
                                      vsa_slice_of_text("for nothing?")};
    assert_int_equal(vsa_hmac(VSA_HASH_SHA384, vsa_slice_of_text("Jefe"), parts, 2, mac, NULL),
                     VSA_OK);
    assert_hex(mac, 48,
               "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
               "8e2240ca5e69e2c78b3239ecfab21649");
    assert_int_equal(vsa_hmac(VSA_HASH_SHA256, vsa_slice_of_text("Jefe"), parts, 2, mac, NULL),
                     VSA_OK);
    assert_hex(mac, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_int_equal(vsa_hmac(VSA_HASH_SHA256, vsa_slice_of("", 0), NULL, 0, mac, NULL), VSA_OK);
    assert_hex(mac, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic_case), cmocka_unit_test(long_case),
        cmocka_unit_test(empty_salt), cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(hmac),
    };
    return cmocka_run_group_tests_name("hkdf", tests, NULL, NULL);
}
