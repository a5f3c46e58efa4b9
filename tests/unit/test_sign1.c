/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/slice.h"
#include "cbor_vectors.h"
#include "cose/sign1.h"

/* Of aws-nitro-enclaves-cose src/sign.rs; its unprotected header is not empty. */
static const char known[] =
    "84 44a1013822 a104423131 5875"
    "49742069732061207472757468 20756e6976657273616c6c792061636b6e6f776c65646765642c 2074686174"
    "20612073696e676c65206d616e20696e20706f7373657373696f6e206f66206120676f6f6420666f7274756e652c"
    "206d75737420626520696e2077616e74206f66206120776966652e 5860"
    "cd42d27632d5414e4b545c95fde6e3505b93580f4b7731d14a86523175266cdeb24aff2de3364e9ceee9f9f795a0"
    "15155bc712aa2863e2aaf6078a819093fdfc7059a3f1467f64ec7e221fd163d80b3b552625cf379d1cbb9e5138cc"
    "d07a1931";

static void nonempty_unprotected_header(void **state)
{
    (void)state;
    uint8_t bytes[512];
    size_t size = cbor_vector_bytes(known, bytes, sizeof(bytes));
    struct vsa_cose_sign1 sign1;
    struct vsa_error error = {0};
    memset(&sign1, 0xa5, sizeof(sign1));
    struct vsa_cose_sign1 untouched = sign1;
    assert_int_equal(
        vsa_cose_sign1_parse(vsa_slice_of(bytes, size), VSA_COSE_ES384, &sign1, &error),
        VSA_ERR_COSE);
    assert_int_equal(error.offset, 6);
    assert_memory_equal(&sign1, &untouched, sizeof(sign1));
    /* Emptied, it parses: the header is not signed, and the signature is still good. */
    memmove(bytes + 7, bytes + 11, size - 11);
    bytes[6] = 0xa0;
    assert_int_equal(
        vsa_cose_sign1_parse(vsa_slice_of(bytes, size - 4), VSA_COSE_ES384, &sign1, &error),
        VSA_OK);
    assert_int_equal(sign1.payload.size, 117);
    assert_memory_equal(sign1.payload.data, "It is a truth", 13);
    assert_int_equal(sign1.signature.size, 96);
    assert_int_equal(sign1.protected_header.size, 4);
}

static void sign_and_verify(enum vsa_curve curve, int64_t algorithm, const char *head)
{
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    uint8_t buffer[512];
    uint8_t start[16];
    struct vsa_slice bytes;
    struct vsa_cose_sign1 sign1;
    size_t start_size = cbor_vector_bytes(head, start, sizeof(start));
    assert_int_equal(vsa_key_generate(curve, &key, NULL), VSA_OK);
    assert_int_equal(vsa_cose_sign1_sign(key, NULL, vsa_slice_of_text("payload"), buffer,
                                         sizeof(buffer), &bytes, NULL),
                     VSA_OK);
    assert_memory_equal(bytes.data, start, start_size);
    assert_int_equal(vsa_cose_sign1_parse(bytes, algorithm, &sign1, NULL), VSA_OK);
    assert_true(vsa_slice_equal_text(sign1.payload, "payload"));
    assert_int_equal(vsa_cose_sign1_verify(&sign1, (struct vsa_slice){0}, key, NULL), VSA_OK);
    /* Each bit of payload, header and signature counts. */
    size_t first = start_size - 8;
    for (size_t bit = 8 * first; bit < 8 * bytes.size; bit += 29) {
        buffer[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum vsa_status status = vsa_cose_sign1_parse(bytes, algorithm, &sign1, NULL);
        if (status == VSA_OK)
            status = vsa_cose_sign1_verify(&sign1, (struct vsa_slice){0}, key, NULL);
        assert_int_not_equal(status, VSA_OK);
        buffer[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    /* A buffer one byte short. */
    assert_int_equal(vsa_cose_sign1_sign(key, NULL, vsa_slice_of_text("payload"), buffer,
                                         bytes.size - 1, &bytes, NULL),
                     VSA_ERR_BUFFER);
}

static void all_algorithms_both_directions(void **state)
{
    (void)state;
    sign_and_verify(VSA_CURVE_P256, VSA_COSE_ES256, "84 43a10126 a0 47 7061796c6f6164");
    sign_and_verify(VSA_CURVE_P384, VSA_COSE_ES384, "84 44a1013822 a0 47 7061796c6f6164");
    sign_and_verify(VSA_CURVE_P521, VSA_COSE_ES512, "84 44a1013823 a0 47 7061796c6f6164");
}

/* The caller's algorithm decides, not the document's. */
static void algorithm_is_the_caller_s(void **state)
{
    (void)state;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    uint8_t buffer[512];
    struct vsa_slice bytes;
    struct vsa_cose_sign1 sign1;
    assert_int_equal(vsa_key_generate(VSA_CURVE_P256, &key, NULL), VSA_OK);
    assert_int_equal(vsa_cose_sign1_sign(key, NULL, vsa_slice_of_text("p"), buffer, sizeof(buffer),
                                         &bytes, NULL),
                     VSA_OK);
    assert_int_equal(vsa_cose_sign1_parse(bytes, VSA_COSE_ES384, &sign1, NULL), VSA_ERR_ALGORITHM);
    assert_int_equal(vsa_cose_sign1_parse(bytes, VSA_COSE_ES512, &sign1, NULL), VSA_ERR_ALGORITHM);
    assert_int_equal(vsa_cose_sign1_parse(bytes, -8, &sign1, NULL), VSA_ERR_ALGORITHM);
    assert_int_equal(vsa_cose_sign1_parse(bytes, VSA_COSE_ES256, &sign1, NULL), VSA_OK);
    /* ... and so does the key's curve. */
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *other = NULL;
    assert_int_equal(vsa_key_generate(VSA_CURVE_P384, &other, NULL), VSA_OK);
    assert_int_equal(vsa_cose_sign1_verify(&sign1, (struct vsa_slice){0}, other, NULL),
                     VSA_ERR_SIGNATURE);
    sign1.algorithm = VSA_COSE_ES384;
    assert_int_equal(vsa_cose_sign1_verify(&sign1, (struct vsa_slice){0}, key, NULL),
                     VSA_ERR_SIGNATURE);
    sign1.algorithm = 0;
    assert_int_equal(vsa_cose_sign1_verify(&sign1, (struct vsa_slice){0}, key, NULL),
                     VSA_ERR_SIGNATURE);
}

/* An unknown algorithm has signatures of no bytes: nothing may verify then. */
static void unknown_algorithm_with_an_empty_signature(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x84, 0x43, 0xa1, 0x01, 0x20, 0xa0, 0x41, 0x61, 0x40};
    struct vsa_cose_sign1 sign1;
    assert_int_equal(
        vsa_cose_sign1_parse(vsa_slice_of(bytes, sizeof(bytes)), VSA_COSE_ES384, &sign1, NULL),
        VSA_ERR_ALGORITHM);
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    assert_int_equal(vsa_key_generate(VSA_CURVE_P384, &key, NULL), VSA_OK);
    if (vsa_cose_sign1_parse(vsa_slice_of(bytes, sizeof(bytes)), -1, &sign1, NULL) == VSA_OK)
        assert_int_equal(vsa_cose_sign1_verify(&sign1, (struct vsa_slice){0}, key, NULL),
                         VSA_ERR_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonempty_unprotected_header),
        cmocka_unit_test(all_algorithms_both_directions),
        cmocka_unit_test(algorithm_is_the_caller_s),
        cmocka_unit_test(unknown_algorithm_with_an_empty_signature),
    };
    return cmocka_run_group_tests_name("sign1", tests, NULL, NULL);
}
