/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include <vsattest/key.h>
#include <vsattest/seal.h>

#include "base/slice.h"
#include "seal/exchange.h"
#include "seal/sender.h"

struct enclave {
    struct vsa_dh_key *key;
    struct vsa_key_config config;
    uint8_t user_data[VSA_SEAL_PURPOSE_SIZE + VSA_MAX_KEY_CONFIG];
    uint8_t spki[VSA_MAX_DH_SPKI];
    struct vsa_claims claims;
};

static struct enclave make_enclave(uint16_t kem)
{
    struct enclave enclave = {.config = {.key_id = 9, .suite = vsa_hpke_find_suite(kem)}};
    assert_int_equal(vsa_dh_key_generate(enclave.config.suite->group, &enclave.key, NULL), VSA_OK);
    vsa_dh_public(enclave.key, enclave.config.public_key);
    enclave.claims.nonce_checked = true;
    return enclave;
}

/* Claims as vsa_verify() would set them; they borrow from `enclave`. */
static void attest(struct enclave *enclave)
{
    size_t size = vsa_key_config_write(&enclave->config, enclave->user_data);
    enclave->claims.user_data = vsa_slice_of(enclave->user_data, size);
    size =
        vsa_dh_write_spki(enclave->config.suite->group, enclave->config.public_key, enclave->spki);
    enclave->claims.public_key = vsa_slice_of(enclave->spki, size);
}

static void a_request_and_its_reply(void **state)
{
    (void)state;
    static const uint16_t kems[] = {VSA_HPKE_X25519, VSA_HPKE_P256, VSA_HPKE_P384};
    for (size_t i = 0; i < 3; i++) {
        struct enclave enclave = make_enclave(kems[i]);
        struct vsa_seal_recipient *recipient = NULL;
        struct vsa_seal_pending *pending = NULL;
        struct vsa_seal_exchange exchange = {.label = VSA_SEAL_LABEL};
        static uint8_t buffer[VSA_SEAL_MAX_SEALED];
        static uint8_t opened[VSA_SEAL_MAX_SEALED];
        struct vsa_slice sealed;
        struct vsa_slice reply;
        struct vsa_slice aad = vsa_slice_of_text("tenant");
        attest(&enclave);
        assert_int_equal(vsa_seal_recipient_new(&enclave.claims, &recipient, NULL), VSA_OK);
        assert_int_equal(vsa_seal_request(recipient, aad, vsa_slice_of_text("{\"secret\":1}"),
                                          buffer, sizeof(buffer), &sealed, &pending, NULL),
                         VSA_OK);
        /* Lengths do not tell more than steps of 256. */
        assert_int_equal(sealed.size, 256 + vsa_seal_request_overhead(enclave.config.suite));
        assert_int_equal(vsa_seal_read_request(&enclave.config, enclave.key, aad, sealed, opened,
                                               &exchange, NULL),
                         VSA_OK);
        assert_memory_equal(opened, "{\"secret\":1}    ", 16);
        assert_int_equal(
            vsa_seal_write_reply(&exchange, NULL, vsa_slice_of_text("{}"), buffer, NULL), VSA_OK);
        sealed = vsa_slice_of(buffer, 2 + vsa_seal_reply_overhead(enclave.config.suite));
        buffer[40] ^= 1;
        assert_int_equal(vsa_seal_open_reply(pending, sealed, opened, sizeof(opened), &reply, NULL),
                         VSA_ERR_SEALED);
        buffer[40] ^= 1;
        assert_int_equal(vsa_seal_open_reply(pending, sealed, opened, 2, &reply, NULL),
                         VSA_ERR_BUFFER);
        assert_int_equal(vsa_seal_open_reply(pending, sealed, opened, sizeof(opened), &reply, NULL),
                         VSA_OK);
        assert_true(vsa_slice_equal_text(reply, "{}"));
        assert_int_equal(vsa_seal_open_reply(pending, sealed, opened, sizeof(opened), &reply, NULL),
                         VSA_ERR_ARGUMENT);
        vsa_seal_pending_free(pending);
        vsa_seal_recipient_free(recipient);
        vsa_dh_key_free(enclave.key);
    }
}

static void limits(void **state)
{
    (void)state;
    struct enclave enclave = make_enclave(VSA_HPKE_P384);
    struct vsa_seal_recipient *recipient = NULL;
    struct vsa_seal_pending *pending = NULL;
    static uint8_t text[VSA_SEAL_MAX_PLAINTEXT + 1];
    static uint8_t buffer[VSA_SEAL_MAX_SEALED];
    struct vsa_slice sealed;
    struct vsa_slice none = vsa_slice_of(NULL, 0);
    attest(&enclave);
    assert_int_equal(vsa_seal_recipient_new(&enclave.claims, &recipient, NULL), VSA_OK);
    assert_int_equal(vsa_seal_request(recipient, none, vsa_slice_of(text, sizeof(text)), buffer,
                                      sizeof(buffer), &sealed, &pending, NULL),
                     VSA_ERR_TOO_LARGE);
    assert_int_equal(vsa_seal_request(recipient, vsa_slice_of(text, VSA_SEAL_MAX_AAD + 1), none,
                                      buffer, sizeof(buffer), &sealed, &pending, NULL),
                     VSA_ERR_TOO_LARGE);
    assert_int_equal(vsa_seal_request(recipient, none, vsa_slice_of(text, sizeof(text) - 1), buffer,
                                      sizeof(buffer) - 1, &sealed, &pending, NULL),
                     VSA_ERR_BUFFER);
    assert_null(pending);
    assert_int_equal(vsa_seal_request(recipient, none, vsa_slice_of(text, sizeof(text) - 1), buffer,
                                      sizeof(buffer), &sealed, &pending, NULL),
                     VSA_OK);
    assert_int_equal(sealed.size, VSA_SEAL_MAX_SEALED);
    vsa_seal_pending_free(pending);
    vsa_seal_recipient_free(recipient);
    vsa_dh_key_free(enclave.key);
}

/* Every single bit of what the document says of its key, and every other size. */
static void anything_else_is_no_recipient(void **state)
{
    (void)state;
    static const uint16_t kems[] = {VSA_HPKE_X25519, VSA_HPKE_P256, VSA_HPKE_P384};
    for (size_t i = 0; i < 3; i++) {
        struct enclave enclave = make_enclave(kems[i]);
        struct vsa_seal_recipient *recipient = NULL;
        attest(&enclave);
        size_t size = enclave.claims.user_data.size;
        for (size_t bit = 0; bit < 8 * size; bit++) {
            if (bit / 8 == VSA_SEAL_PURPOSE_SIZE)
                continue; /* the key ID, which is any byte */
            enclave.user_data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            assert_int_equal(vsa_seal_recipient_new(&enclave.claims, &recipient, NULL),
                             VSA_ERR_FIELD);
            enclave.user_data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        for (size_t bit = 0; bit < 8 * enclave.claims.public_key.size; bit++) {
            enclave.spki[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            assert_int_equal(vsa_seal_recipient_new(&enclave.claims, &recipient, NULL),
                             VSA_ERR_FIELD);
            enclave.spki[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        for (size_t cut = 0; cut < size; cut++) {
            enclave.claims.user_data.size = cut;
            assert_int_equal(vsa_seal_recipient_new(&enclave.claims, &recipient, NULL),
                             VSA_ERR_FIELD);
        }
        attest(&enclave);
        enclave.claims.public_key = vsa_slice_of(NULL, 0);
        assert_int_equal(vsa_seal_recipient_new(&enclave.claims, &recipient, NULL), VSA_ERR_FIELD);
        attest(&enclave);
        enclave.claims.nonce_checked = false;
        assert_int_equal(vsa_seal_recipient_new(&enclave.claims, &recipient, NULL), VSA_ERR_NONCE);
        assert_null(recipient);
        vsa_dh_key_free(enclave.key);
    }
}

/* Of every size, what is opened is signed, and as long as 256 bytes at a time. */
static void signed_requests(void **state)
{
    (void)state;
    static char text[VSA_SEAL_MAX_SIGNED_PLAINTEXT + 1];
    static uint8_t buffer[VSA_SEAL_MAX_SEALED];
    static uint8_t opened[VSA_SEAL_MAX_SEALED];
    static const size_t sizes[] = {0, 2, 23, 25, 26, 255, 256, 280, 281, sizeof(text) - 1};
    static const size_t padded[] = {256, 256, 256, 256, 512, 512, 512, 512, 768, 47872};
    struct enclave enclave = make_enclave(VSA_HPKE_X25519);
    struct vsa_seal_recipient *recipient = NULL;
    struct vsa_seal_pending *pending = NULL;
    struct vsa_sender *sender = NULL;
    struct vsa_key_pair pair;
    struct vsa_slice sealed;
    struct vsa_slice request;
    struct vsa_slice aad = vsa_slice_of_text("tenant");
    char thumbprint[VSA_SENDER_THUMBPRINT + 1];
    memset(text, 'x', sizeof(text));
    attest(&enclave);
    assert_int_equal(vsa_key_pair_generate(&pair, NULL), VSA_OK);
    assert_int_equal(
        vsa_sender_new(vsa_slice_of(pair.private_key, pair.private_key_size), &sender, NULL),
        VSA_OK);
    assert_int_equal(vsa_seal_recipient_new(&enclave.claims, &recipient, NULL), VSA_OK);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct vsa_seal_exchange exchange = {.label = VSA_SEAL_LABEL};
        struct vsa_sender_binding binding = {.aad = aad};
        assert_int_equal(vsa_seal_signed_request(recipient, sender, aad,
                                                 vsa_slice_of(text, sizes[i]), buffer,
                                                 sizeof(buffer), &sealed, &pending, NULL),
                         VSA_OK);
        assert_int_equal(sealed.size, padded[i] + vsa_seal_request_overhead(enclave.config.suite));
        assert_int_equal(vsa_seal_read_request(&enclave.config, enclave.key, aad, sealed, opened,
                                               &exchange, NULL),
                         VSA_OK);
        binding.enc = vsa_slice_of(exchange.enc, enclave.config.suite->enc_size);
        assert_int_equal(vsa_sender_verify(vsa_slice_of(opened, padded[i]), &binding, &request,
                                           thumbprint, NULL),
                         VSA_OK);
        assert_string_equal(thumbprint, vsa_sender_thumbprint(sender));
        assert_true(request.size >= sizes[i]);
        assert_memory_equal(request.data, text, sizes[i]);
        for (size_t k = sizes[i]; k < request.size; k++)
            assert_int_equal(request.data[k], ' ');
        vsa_seal_pending_free(pending);
    }
    pending = NULL;
    assert_int_equal(vsa_seal_signed_request(recipient, sender, aad,
                                             vsa_slice_of(text, sizeof(text)), buffer,
                                             sizeof(buffer), &sealed, &pending, NULL),
                     VSA_ERR_TOO_LARGE);
    assert_null(pending);
    vsa_sender_free(sender);
    vsa_seal_recipient_free(recipient);
    vsa_dh_key_free(enclave.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_reply),
        cmocka_unit_test(limits),
        cmocka_unit_test(signed_requests),
        cmocka_unit_test(anything_else_is_no_recipient),
    };
    return cmocka_run_group_tests_name("recipient", tests, NULL, NULL);
}
