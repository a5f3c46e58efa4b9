/* SPDX-License-Identifier: Apache-2.0 */
/* The facts that parsing collects; the rules about them are the rows of test_mutations_chain.c. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "forge.h"
#include "x509/certificate.h"

static struct forge forge;

static struct vsa_certificate *parse(struct vsa_slice der)
{
    struct vsa_certificate *certificate = NULL;
    struct vsa_error error = {0};
    if (vsa_certificate_parse(der, NULL, &certificate, &error) != VSA_OK)
        fail_msg("%s", error.detail);
    return certificate;
}

static void facts_of_the_genuine_chain(void **state)
{
    static const struct {
        bool is_ca;
        bool critical;
        int path_length;
        uint32_t key_usage;
    } rows[FORGE_LEVELS] = {
        {true, true, VSA_NO_PATH_LENGTH, 0x61},
        {true, true, 2, 0x61},
        {true, true, 1, 0x61},
        {true, true, 0, 0x20},
        {false, false, VSA_NO_PATH_LENGTH, 0x03},
    };
    (void)state;
    forge_reset(&forge);
    for (size_t i = 0; i < FORGE_LEVELS; i++) {
        struct vsa_slice der = forge_issue(&forge, i);
        uint8_t digest[32];
        VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *certificate = parse(der);
        assert_int_equal(certificate->fields.version, 3);
        assert_true(certificate->fields.signed_with_ecdsa_sha384);
        assert_false(certificate->fields.malformed);
        assert_false(certificate->fields.unknown_critical);
        assert_true(certificate->fields.has_basic_constraints && certificate->fields.has_key_usage);
        assert_int_equal(certificate->fields.is_ca, rows[i].is_ca);
        assert_int_equal(certificate->fields.basic_constraints_critical, rows[i].critical);
        assert_int_equal(certificate->fields.path_length, rows[i].path_length);
        assert_int_equal(certificate->fields.key_usage, rows[i].key_usage);
        assert_int_equal(vsa_key_curve(certificate->key), VSA_CURVE_P384);
        assert_int_equal(vsa_sha256(&der, 1, digest, NULL), VSA_OK);
        assert_memory_equal(certificate->sha256, digest, 32);
    }
}

static void times_and_names(void **state)
{
    (void)state;
    forge_reset(&forge);
    VSA_CLEANUP(vsa_cleanup_certificate)
    struct vsa_certificate *leaf = parse(forge_issue(&forge, FORGE_LEAF));
    assert_true(leaf->fields.not_before_ms == FORGE_NOW_MS - 60000);
    assert_true(leaf->fields.not_after_ms == FORGE_NOW_MS + ((2 * 60 + 59) * 60 + 3) * 1000);
    assert_string_equal(leaf->subject, "CN=" FORGE_MODULE_ID ".eu-north-1.forge,O=Forge,C=US");
    /* Names are for people: nothing in them can break a line or a terminal. */
    forge.certificates[FORGE_LEAF].subject = "a\x1b[31m\n,b\"\xc3\xa4";
    VSA_CLEANUP(vsa_cleanup_certificate)
    struct vsa_certificate *odd = parse(forge_issue(&forge, FORGE_LEAF));
    assert_string_equal(odd->subject, "CN=a\\1B[31m\\0A\\,b\\\"\\C3\\A4,O=Forge,C=US");
}

static void long_names_are_cut_off(void **state)
{
    (void)state;
    static char name[600];
    memset(name, 'n', sizeof(name) - 1);
    forge_reset(&forge);
    forge.certificates[FORGE_LEAF].subject = name;
    VSA_CLEANUP(vsa_cleanup_certificate)
    struct vsa_certificate *leaf = parse(forge_issue(&forge, FORGE_LEAF));
    assert_int_equal(strnlen(leaf->subject, VSA_MAX_SUBJECT), VSA_MAX_SUBJECT - 1);
}

static void names_and_signatures_of_issuers(void **state)
{
    (void)state;
    struct vsa_certificate *chain[FORGE_LEVELS];
    forge_reset(&forge);
    for (size_t i = 0; i < FORGE_LEVELS; i++)
        chain[i] = parse(forge_issue(&forge, i));
    for (size_t subject = 0; subject < FORGE_LEVELS; subject++)
        for (size_t issuer = 0; issuer < FORGE_LEVELS; issuer++) {
            bool right = issuer + 1 == subject || (issuer == 0 && subject == 0);
            assert_int_equal(vsa_certificate_names_issuer(chain[subject], chain[issuer]), right);
            assert_int_equal(vsa_certificate_check_signature(chain[subject], chain[issuer], NULL),
                             right ? VSA_OK : VSA_ERR_CHAIN);
        }
    for (size_t i = 0; i < FORGE_LEVELS; i++)
        vsa_certificate_release(chain[i]);
}

static void references_are_counted(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_certificate *leaf = parse(forge_issue(&forge, FORGE_LEAF));
    assert_ptr_equal(vsa_certificate_reference(leaf), leaf);
    vsa_certificate_release(leaf);
    /* Still there: sanitizers and valgrind would see it otherwise. */
    assert_int_equal(leaf->fields.version, 3);
    vsa_certificate_release(leaf);
    vsa_certificate_release(NULL);
}

/* Every beginning of a certificate, and every byte of it changed: refused or parsed, no crash. */
static void damaged_certificates(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_slice der = forge_issue(&forge, FORGE_LEAF);
    for (size_t size = 0; size < der.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        struct vsa_certificate *certificate = NULL;
        assert_non_null(copy);
        memcpy(copy, der.data, size);
        assert_int_equal(vsa_certificate_parse(vsa_slice_of(copy, size), NULL, &certificate, NULL),
                         VSA_ERR_CERTIFICATE_SYNTAX);
        free(copy);
    }
    uint8_t changed[2048];
    for (size_t i = 0; i < der.size; i++) {
        struct vsa_certificate *certificate = NULL;
        memcpy(changed, der.data, der.size);
        changed[i] ^= (uint8_t)(1u << i % 8);
        if (vsa_certificate_parse(vsa_slice_of(changed, der.size), NULL, &certificate, NULL) ==
            VSA_OK)
            vsa_certificate_release(certificate);
        else
            assert_null(certificate);
    }
}

/* --- files --- */

static size_t to_pem(struct vsa_slice der, char *pem, size_t capacity)
{
    char text[2048];
    assert_int_equal(vsa_base64_encode(der, text, sizeof(text), NULL), VSA_OK);
    size_t used = (size_t)snprintf(pem, capacity, "-----BEGIN CERTIFICATE-----\n");
    for (const char *at = text; *at; at += strnlen(at, 64))
        used += (size_t)snprintf(pem + used, capacity - used, "%.64s\n", at);
    used += (size_t)snprintf(pem + used, capacity - used, "-----END CERTIFICATE-----\n");
    assert_true(used < capacity);
    return used;
}

static void pem_and_der_files(void **state)
{
    (void)state;
    static char pem[4096];
    static char two[8192];
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice out;
    forge_reset(&forge);
    struct vsa_slice der = forge_issue(&forge, FORGE_ROOT);
    size_t size = to_pem(der, pem, sizeof(pem));
    assert_int_equal(vsa_certificate_read_file(der, buffer, 0, &out, NULL), VSA_OK);
    assert_ptr_equal(out.data, der.data);
    assert_int_equal(
        vsa_certificate_read_file(vsa_slice_of(pem, size), buffer, sizeof(buffer), &out, NULL),
        VSA_OK);
    assert_true(vsa_slice_equal(out, der));
    assert_int_equal(
        vsa_certificate_read_file(vsa_slice_of(pem, size), buffer, der.size - 1, &out, NULL),
        VSA_ERR_BUFFER);
    /* Text around it is fine; a second certificate is not: which one would be the root? */
    size_t used = (size_t)snprintf(two, sizeof(two), "Subject: root\n%s", pem);
    assert_int_equal(
        vsa_certificate_read_file(vsa_slice_of(two, used), buffer, sizeof(buffer), &out, NULL),
        VSA_OK);
    used = (size_t)snprintf(two, sizeof(two), "0: root\n%s \r\n\t\n", pem);
    assert_int_equal(
        vsa_certificate_read_file(vsa_slice_of(two, used), buffer, sizeof(buffer), &out, NULL),
        VSA_OK);
    assert_true(vsa_slice_equal(out, der));
}

/* Whatever stands behind the certificate, whole or broken, might be the one that was meant. */
static void something_after_a_certificate(void **state)
{
    (void)state;
    static char pem[4096];
    static char two[8192];
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice out;
    forge_reset(&forge);
    to_pem(forge_issue(&forge, FORGE_ROOT), pem, sizeof(pem));
    static char broken[4096];
    snprintf(broken, sizeof(broken), "%s", pem);
    memcpy(strchr(strchr(broken, '\n') + 1, '\n') + 1, "!!!!", 4);
    const struct {
        const char *after;
        const char *says;
    } rows[] = {
        {pem, "more than one certificate"},
        {broken, "more than one certificate"},
        {"-----BEGIN PRIVATE KEY-----\n", "more than one certificate"},
        {"garbage", "something after its certificate"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_error error = {0};
        size_t used = (size_t)snprintf(two, sizeof(two), "%s%s", pem, rows[i].after);
        assert_int_equal(vsa_certificate_read_file(vsa_slice_of(two, used), buffer, sizeof(buffer),
                                                   &out, &error),
                         VSA_ERR_CERTIFICATE_SYNTAX);
        assert_non_null(strstr(error.detail, rows[i].says));
        assert_non_null(strstr(error.detail, "openssl x509"));
    }
    /* A zero byte is no white space. */
    size_t used = (size_t)snprintf(two, sizeof(two), "%s", pem);
    two[used] = '\0';
    assert_int_equal(
        vsa_certificate_read_file(vsa_slice_of(two, used + 1), buffer, sizeof(buffer), &out, NULL),
        VSA_ERR_CERTIFICATE_SYNTAX);
}

static void files_without_a_certificate(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "nothing",
        "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
        "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
        "AAAAAAAAAAAAAAAAAAAAAA==\n-----END CERTIFICATE-----\n",
    };
    static char huge[VSA_MAX_KEY_FILE + 1];
    uint8_t buffer[64];
    struct vsa_slice out;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(vsa_certificate_read_file(vsa_slice_of_text(texts[i]), buffer,
                                                   sizeof(buffer), &out, NULL),
                         VSA_ERR_CERTIFICATE_SYNTAX);
    memset(huge, ' ', sizeof(huge));
    assert_int_equal(vsa_certificate_read_file(vsa_slice_of(huge, sizeof(huge)), buffer,
                                               sizeof(buffer), &out, NULL),
                     VSA_ERR_CERTIFICATE_SYNTAX);
}

/* Its extensions are a primitive SEQUENCE, with indefinite lengths and BOOLEAN 1 inside. */
static void hidden_extensions(void **state)
{
    static const char base64[] =
        "MIIBZzCB7aADAgECAgMAmZkwCgYIKoZIzj0EAwMwDDEKMAgGA1UEAwwBYTAeFw0yNjAxMDMyMDQxMDdaFw0yNjAx"
        "MDMyMDQyNDZaMAwxCjAIBgNVBAMMAWIwdjAQBgcqhkjOPQIBBgUrgQQAIgNiAASl88PWSpLcJmoIHIqutXNSpzQ/"
        "BpVIaP7wMX0fZYEHLmsp7Y6iQ9/5U0RtMZotxgjatP39T04B4Xs5++lJBGA3MlXHolNEI/lMv13lSj2vMXva7WmL"
        "uLS4A5LFFjBCwVejIRAfMIAGA1UdEwEB/wQCMAAAADCABgNVHQ8EBAMCBsAAADAKBggqhkjOPQQDAwNpADBmAjEA"
        "qfeoU0tNhFzaxoe+gVz5f43lwq4/ASOSyEjfogTwA7n/QJ8hiI7dYC03NHpeWdbAAjEAwH0w4iGbfLmmQ5SLsEWR"
        "B7mS/d8iLI1OQhhF1OaMfu08t8fMliPNrAUhbD0WVKzH";
    (void)state;
    uint8_t buffer[512];
    struct vsa_slice der;
    struct vsa_certificate *certificate = NULL;
    assert_int_equal(
        vsa_base64_decode(vsa_slice_of_text(base64), false, buffer, sizeof(buffer), &der, NULL),
        VSA_OK);
    assert_int_equal(der.size, 363);
    assert_int_equal(vsa_certificate_parse(der, NULL, &certificate, NULL),
                     VSA_ERR_CERTIFICATE_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_of_the_genuine_chain),
        cmocka_unit_test(times_and_names),
        cmocka_unit_test(long_names_are_cut_off),
        cmocka_unit_test(names_and_signatures_of_issuers),
        cmocka_unit_test(references_are_counted),
        cmocka_unit_test(damaged_certificates),
        cmocka_unit_test(pem_and_der_files),
        cmocka_unit_test(something_after_a_certificate),
        cmocka_unit_test(files_without_a_certificate),
        cmocka_unit_test(hidden_extensions),
    };
    return cmocka_run_group_tests_name("certificate", tests, NULL, NULL);
}
