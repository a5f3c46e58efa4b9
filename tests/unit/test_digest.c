/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/hex.h"
#include "base/slice.h"
#include "crypto/digest.h"

static void expect_hex(const uint8_t *bytes, size_t size, const char *hex)
{
    char text[129];
    vsa_hex_encode(vsa_slice_of(bytes, size), text, sizeof(text));
    assert_string_equal(text, hex);
}

/* FIPS 180-4 examples. */
static void sha384_known_answers(void **state)
{
    (void)state;
    uint8_t digest[VSA_SHA384_SIZE];
    struct vsa_slice abc = vsa_slice_of_text("abc");
    assert_int_equal(vsa_sha384(&abc, 1, digest, NULL), VSA_OK);
    expect_hex(digest, sizeof(digest),
               "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
               "8086072ba1e7cc2358baeca134c825a7");
    assert_int_equal(vsa_sha384(NULL, 0, digest, NULL), VSA_OK);
    expect_hex(digest, sizeof(digest),
               "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
               "274edebfe76f65fbd51ad2f14898b95b");
}

static void sha256_known_answers(void **state)
{
    (void)state;
    uint8_t digest[VSA_SHA256_SIZE];
    struct vsa_slice abc = vsa_slice_of_text("abc");
    assert_int_equal(vsa_sha256(&abc, 1, digest, NULL), VSA_OK);
    expect_hex(digest, sizeof(digest),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* PCR4 of AWS's user guide: SHA384(0^48 || instance ID), here in pieces of every kind. */
static void parts_are_concatenated(void **state)
{
    (void)state;
    static const uint8_t zeros[48];
    uint8_t digest[VSA_SHA384_SIZE];
    struct vsa_slice parts[] = {vsa_slice_of(zeros, 48), vsa_slice_of_text("i-1234567890"),
                                vsa_slice_of("", 0), vsa_slice_of(NULL, 0),
                                vsa_slice_of_text("abcdef0")};
    assert_int_equal(vsa_sha384(parts, 5, digest, NULL), VSA_OK);
    expect_hex(digest, sizeof(digest),
               "08f996b5d43e047a9eb51e7f548bfee7e164fd7dc8f65541f2ac09d6545ac812"
               "719327281c401a67a10fcba87ae79ce0");
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    assert_int_equal(vsa_random(a, sizeof(a), NULL), VSA_OK);
    assert_int_equal(vsa_random(b, sizeof(b), NULL), VSA_OK);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_false(vsa_slice_is_zero(vsa_slice_of(a, sizeof(a))));
    assert_int_equal(vsa_random(a, 0, NULL), VSA_OK);
    assert_int_equal(vsa_random(a, SIZE_MAX, NULL), VSA_ERR_CRYPTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha384_known_answers),
        cmocka_unit_test(sha256_known_answers),
        cmocka_unit_test(parts_are_concatenated),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
