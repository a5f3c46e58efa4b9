/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/hex.h"
#include "base/pem.h"
#include "base/slice.h"
#include "cbor/writer.h"
#include "cose/sign1.h"
#include "crypto/digest.h"
#include "failing_libcrypto.h"
#include "seal/exchange.h"
#include "seal/sender.h"
#include <vsattest/key.h>

static struct vsa_key_pair pair;
static struct vsa_sender *sender;

static const struct vsa_sender_binding *binding(void)
{
    static const uint8_t enc[32] = {1, 2, 3};
    static struct vsa_sender_binding bound;
    bound.enc = vsa_slice_of(enc, sizeof(enc));
    bound.aad = vsa_slice_of_text("tenant");
    return &bound;
}

static struct vsa_slice signed_request(const char *request, uint8_t *buffer, size_t capacity)
{
    struct vsa_slice made = {0};
    assert_int_equal(vsa_sender_sign(sender, binding(), vsa_slice_of_text(request), buffer,
                                     capacity, &made, NULL),
                     VSA_OK);
    return made;
}

static enum vsa_status verify(struct vsa_slice plaintext)
{
    char thumbprint[VSA_SENDER_THUMBPRINT + 1];
    struct vsa_slice request;
    return vsa_sender_verify(plaintext, binding(), &request, thumbprint, NULL);
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(vsa_key_pair_generate(&pair, NULL), VSA_OK);
    assert_int_equal(
        vsa_sender_new(vsa_slice_of(pair.private_key, pair.private_key_size), &sender, NULL),
        VSA_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vsa_sender_free(sender);
    vsa_sender_free(NULL);
    return 0;
}

static void the_bytes(void **state)
{
    (void)state;
    static const char request[] = "{\"command\":\"ping\"}";
    uint8_t buffer[512];
    char thumbprint[VSA_SENDER_THUMBPRINT + 1];
    char expected[VSA_SENDER_THUMBPRINT + 1];
    uint8_t digest[VSA_SHA384_SIZE];
    struct vsa_slice read;
    struct vsa_slice key = vsa_slice_of(pair.public_key, sizeof(pair.public_key));
    struct vsa_slice made = signed_request(request, buffer, sizeof(buffer));
    /* Array of 4, {1: -35, 4: h'120 bytes'} in 127, an empty map, the payload, 96 bytes. */
    static const uint8_t head[] = {0x84, 0x58, 0x7f, 0xa2, 0x01, 0x38, 0x22, 0x04, 0x58, 0x78};
    assert_int_equal(made.size, vsa_sender_signed_size(strlen(request)));
    assert_memory_equal(made.data, head, sizeof(head));
    assert_memory_equal(made.data + sizeof(head), key.data, key.size);
    assert_memory_equal(made.data + 130, "\xa0\x52{\"command\":\"ping\"}\x58\x60", 22);
    assert_int_equal(made.size, 152 + 96);
    assert_true(vsa_sender_is_signed(made));
    assert_false(vsa_sender_is_signed(vsa_slice_of_text("{}")));
    assert_false(vsa_sender_is_signed(vsa_slice_of(NULL, 0)));
    assert_int_equal(vsa_sender_verify(made, binding(), &read, thumbprint, NULL), VSA_OK);
    assert_true(vsa_slice_equal_text(read, request));
    assert_int_equal(vsa_sha384(&key, 1, digest, NULL), VSA_OK);
    vsa_hex_encode(vsa_slice_of(digest, sizeof(digest)), expected, sizeof(expected));
    assert_string_equal(thumbprint, expected);
    assert_string_equal(vsa_sender_thumbprint(sender), expected);
}

/* What another implementation makes of the bytes in docs/PROTOCOL.md verifies. */
static void what_is_signed(void **state)
{
    (void)state;
    static const char request[] = "{}";
    static const char bound[] = "vsattest-sender-v1\0\0\x20\1\2\3";
    uint8_t external[18 + 1 + 2 + 32 + 2 + 6] = {0};
    uint8_t buffer[512];
    uint8_t structure[512];
    uint8_t signature[VSA_MAX_SIGNATURE_SIZE];
    struct vsa_slice to_be_signed;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    struct vsa_slice made = signed_request(request, buffer, sizeof(buffer));
    memcpy(external, bound, sizeof(bound) - 1);
    memcpy(external + 53, "\0\6tenant", 8);
    struct vsa_builder builder = vsa_builder_of(structure, sizeof(structure));
    vsa_cbor_write_array(&builder, 4);
    vsa_cbor_write_text(&builder, "Signature1");
    vsa_cbor_write_bytes(&builder, vsa_slice_of(made.data + 3, 127));
    vsa_cbor_write_bytes(&builder, vsa_slice_of(external, sizeof(external)));
    vsa_cbor_write_bytes(&builder, vsa_slice_of_text(request));
    assert_int_equal(vsa_builder_finish(&builder, &to_be_signed, NULL), VSA_OK);
    assert_int_equal(
        vsa_key_read_private(vsa_slice_of(pair.private_key, pair.private_key_size), &key, NULL),
        VSA_OK);
    assert_int_equal(vsa_key_sign(key, &to_be_signed, 1, signature, NULL), VSA_OK);
    memcpy(buffer + made.size - 96, signature, 96);
    assert_int_equal(verify(made), VSA_OK);
}

static void every_byte_counts(void **state)
{
    (void)state;
    uint8_t buffer[512];
    struct vsa_slice made = signed_request("{\"command\":\"ping\"}", buffer, sizeof(buffer));
    for (size_t bit = 0; bit < 8 * made.size; bit += 5) {
        buffer[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_equal(verify(made), VSA_ERR_SENDER);
        buffer[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    for (size_t size = 0; size < made.size; size++)
        assert_int_equal(verify(vsa_slice_of(made.data, size)), VSA_ERR_SENDER);
    buffer[made.size] = ' ';
    assert_int_equal(verify(vsa_slice_of(made.data, made.size + 1)), VSA_ERR_SENDER);
    assert_int_equal(verify(made), VSA_OK);
}

static void it_counts_in_no_other_message(void **state)
{
    (void)state;
    uint8_t buffer[512];
    uint8_t enc[32];
    char thumbprint[VSA_SENDER_THUMBPRINT + 1];
    struct vsa_slice request;
    struct vsa_sender_binding other = *binding();
    struct vsa_slice made = signed_request("{}", buffer, sizeof(buffer));
    memcpy(enc, other.enc.data, sizeof(enc));
    enc[31] ^= 1;
    other.enc.data = enc;
    assert_int_equal(vsa_sender_verify(made, &other, &request, thumbprint, NULL), VSA_ERR_SENDER);
    other = *binding();
    other.aad = vsa_slice_of_text("tenanu");
    assert_int_equal(vsa_sender_verify(made, &other, &request, thumbprint, NULL), VSA_ERR_SENDER);
    other.aad = vsa_slice_of(NULL, 0);
    assert_int_equal(vsa_sender_verify(made, &other, &request, thumbprint, NULL), VSA_ERR_SENDER);
}

/* A tag, a header without key ID, and a COSE_Sign1 for another purpose. */
static void other_structures(void **state)
{
    (void)state;
    uint8_t buffer[513];
    struct vsa_slice made = signed_request("{}", buffer + 1, sizeof(buffer) - 1);
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    struct vsa_cose_context context = {.key_id =
                                           vsa_slice_of(pair.public_key, sizeof(pair.public_key))};
    buffer[0] = 0xd2;
    assert_int_equal(verify(vsa_slice_of(buffer, made.size + 1)), VSA_ERR_SENDER);
    assert_int_equal(
        vsa_key_read_private(vsa_slice_of(pair.private_key, pair.private_key_size), &key, NULL),
        VSA_OK);
    assert_int_equal(vsa_cose_sign1_sign(key, NULL, vsa_slice_of_text("{}"), buffer, sizeof(buffer),
                                         &made, NULL),
                     VSA_OK);
    assert_int_equal(verify(made), VSA_ERR_SENDER);
    assert_int_equal(vsa_cose_sign1_sign(key, &context, vsa_slice_of_text("{}"), buffer,
                                         sizeof(buffer), &made, NULL),
                     VSA_OK);
    assert_int_equal(verify(made), VSA_ERR_SENDER);
}

static void keys_of_senders(void **state)
{
    (void)state;
    uint8_t der[512];
    char pem[VSA_PEM_SIZE(512)];
    struct vsa_slice encoded;
    struct vsa_slice text;
    struct vsa_sender *other = NULL;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    assert_int_equal(vsa_pem_encode("PRIVATE KEY",
                                    vsa_slice_of(pair.private_key, pair.private_key_size), pem,
                                    sizeof(pem), &text, NULL),
                     VSA_OK);
    assert_int_equal(vsa_sender_new(text, &other, NULL), VSA_OK);
    assert_string_equal(vsa_sender_thumbprint(other), vsa_sender_thumbprint(sender));
    vsa_sender_free(other);
    other = NULL;
    assert_int_equal(vsa_key_generate(VSA_CURVE_P256, &key, NULL), VSA_OK);
    assert_int_equal(vsa_key_write_private(key, der, sizeof(der), &encoded, NULL), VSA_OK);
    assert_int_equal(vsa_sender_new(encoded, &other, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_sender_new(vsa_slice_of_text("key"), &other, NULL),
                     VSA_ERR_CERTIFICATE_SYNTAX);
    assert_null(other);
}

static void public_keys(void **state)
{
    (void)state;
    static const enum vsa_curve curves[] = {VSA_CURVE_P256, VSA_CURVE_P384, VSA_CURVE_P521};
    for (size_t i = 0; i < 3; i++) {
        VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
        VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *read = NULL;
        uint8_t der[VSA_MAX_EC_SPKI + 1] = {0};
        struct vsa_slice spki;
        assert_int_equal(vsa_key_generate(curves[i], &key, NULL), VSA_OK);
        assert_int_equal(vsa_key_write_public(key, der, sizeof(der), &spki, NULL), VSA_OK);
        assert_int_equal(vsa_key_read_public(spki, &read, NULL), VSA_OK);
        assert_int_equal(vsa_key_curve(read), curves[i]);
        /* No byte may be another: a point with one changed coordinate is not on the curve. */
        for (size_t bit = 0; bit < 8 * spki.size; bit += 3) {
            struct vsa_key *none = NULL;
            der[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            assert_int_equal(vsa_key_read_public(spki, &none, NULL), VSA_ERR_CERTIFICATE_SYNTAX);
            der[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        struct vsa_key *none = NULL;
        for (size_t size = 0; size < spki.size; size++)
            assert_int_equal(vsa_key_read_public(vsa_slice_of(der, size), &none, NULL),
                             VSA_ERR_CERTIFICATE_SYNTAX);
        assert_int_equal(vsa_key_read_public(vsa_slice_of(der, spki.size + 1), &none, NULL),
                         VSA_ERR_CERTIFICATE_SYNTAX);
    }
}

static bool libcrypto_can_fail;

/* A signature that could not be checked is none that does not verify: a client may try again. */
static void memory_is_short(void **state)
{
    (void)state;
    uint8_t buffer[512];
    struct vsa_slice made = signed_request("{\"command\":\"ping\"}", buffer, sizeof(buffer));
    bool failed = true;
    if (!libcrypto_can_fail)
        SKIP_BECAUSE("libcrypto keeps its memory, or crashes without");
    for (int after = 0; failed; after++) {
        assert_in_range(after, 0, 2000);
        failing_libcrypto_after(after, true);
        enum vsa_status status = verify(made);
        failed = failing_libcrypto_end();
        if (status != VSA_OK)
            assert_int_equal(status, VSA_ERR_CRYPTO);
        assert_true(failed || status == VSA_OK);
    }
}

int main(void)
{
    libcrypto_can_fail = failing_libcrypto_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes),         cmocka_unit_test(what_is_signed),
        cmocka_unit_test(every_byte_counts), cmocka_unit_test(it_counts_in_no_other_message),
        cmocka_unit_test(other_structures),  cmocka_unit_test(keys_of_senders),
        cmocka_unit_test(public_keys),       cmocka_unit_test(memory_is_short),
    };
    return cmocka_run_group_tests_name("sender", tests, set_up, tear_down);
}
