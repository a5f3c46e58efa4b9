/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/public_key_file.h"

#include "unit_test.h"

#define BODY                                                                                       \
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEWoKfYvL08JXA6SJxkoW0uYHGd5EocKQT\n"                           \
    "E3pdcxmRb6hYSmA2lR0G/+rpnKc6saLc4bduCMsg1q/Op0I/i0nshB3ebyEKYXR1\n"                           \
    "C/gTajFUlCJN8VMYRVemwpodeZSAT2BM\n"
#define PEM "-----BEGIN PUBLIC KEY-----\n" BODY "-----END PUBLIC KEY-----\n"

static enum vsa_status read_text(const char *text, size_t capacity, struct vsa_slice *key,
                                 struct vsa_error *error)
{
    static uint8_t buffer[512];
    assert_true(capacity <= sizeof(buffer));
    return vsa_public_key_from_file(vsa_slice_of_text(text), buffer, capacity, key, error);
}

static void pem_becomes_der(void **state)
{
    (void)state;
    struct vsa_slice key;
    assert_int_equal(read_text(PEM, 512, &key, NULL), VSA_OK);
    assert_int_equal(key.size, 120); /* RFC 5480, P-384 */
    assert_memory_equal(key.data, "\x30\x76\x30\x10", 4);
    assert_int_equal(read_text(PEM, 10, &key, NULL), VSA_ERR_BUFFER);
}

/* Documents hold whatever an enclave puts there. */
static void other_bytes_are_taken_as_they_are(void **state)
{
    (void)state;
    static const char *const texts[] = {"raw", "", "----- no PEM", "-----BEGIN"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct vsa_slice key;
        assert_int_equal(read_text(texts[i], 0, &key, NULL), VSA_OK);
        assert_ptr_equal(key.data, texts[i]);
        assert_int_equal(key.size, strlen(texts[i]));
    }
}

static void what_is_broken_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum vsa_status status;
        const char *detail;
    } rows[] = {
        {"-----BEGIN PUBLIC KEY-----\n", VSA_ERR_BASE64, ""},
        {"-----BEGIN PUBLIC KEY-----\n" BODY, VSA_ERR_BASE64, ""},
        {"-----BEGIN PUBLIC KEY-----\n*\n-----END PUBLIC KEY-----\n", VSA_ERR_BASE64, ""},
        {PEM "x", VSA_ERR_BASE64, ""},
        {"-----BEGIN RSA PUBLIC KEY-----\n", VSA_ERR_ARGUMENT, "-RSAPublicKey_in"},
        {"-----BEGIN CERTIFICATE-----\n", VSA_ERR_ARGUMENT, "openssl x509 -pubkey"},
        {"-----BEGIN PRIVATE KEY-----\n", VSA_ERR_ARGUMENT, "openssl pkey -pubout"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_slice key = {0};
        struct vsa_error error = {0};
        if (read_text(rows[i].text, 512, &key, &error) != rows[i].status ||
            !strstr(error.detail, rows[i].detail))
            fail_msg("%s: %s, %s", rows[i].text, vsa_status_code(error.status), error.detail);
        assert_null(key.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pem_becomes_der),
        cmocka_unit_test(other_bytes_are_taken_as_they_are),
        cmocka_unit_test(what_is_broken_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
