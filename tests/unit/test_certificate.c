/* SPDX-License-Identifier: Apache-2.0 */
/* The facts that parsing collects; the rules about them are the rows of test_mutations_chain.c. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/slice.h"
#include "crypto/certificate.h"
#include "crypto/der.h"
#include "crypto/digest.h"
#include "forge.h"

static struct forge forge;

static struct vsa_certificate *parse(struct vsa_slice der)
{
    struct vsa_certificate *certificate = NULL;
    struct vsa_error error = {0};
    if (vsa_certificate_parse(der, &certificate, &error) != VSA_OK)
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
        assert_int_equal(certificate->version, 3);
        assert_true(certificate->signed_with_ecdsa_sha384);
        assert_false(certificate->extensions_malformed);
        assert_false(certificate->unknown_critical);
        assert_true(certificate->has_basic_constraints && certificate->has_key_usage);
        assert_int_equal(certificate->is_ca, rows[i].is_ca);
        assert_int_equal(certificate->basic_constraints_critical, rows[i].critical);
        assert_int_equal(certificate->path_length, rows[i].path_length);
        assert_int_equal(certificate->key_usage, rows[i].key_usage);
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
    assert_true(leaf->not_before_ms == FORGE_NOW_MS - 60000);
    assert_true(leaf->not_after_ms == FORGE_NOW_MS + ((2 * 60 + 59) * 60 + 3) * 1000);
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
    assert_int_equal(leaf->version, 3);
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
        assert_int_equal(vsa_certificate_parse(vsa_slice_of(copy, size), &certificate, NULL),
                         VSA_ERR_CERTIFICATE_SYNTAX);
        free(copy);
    }
    uint8_t changed[2048];
    for (size_t i = 0; i < der.size; i++) {
        struct vsa_certificate *certificate = NULL;
        memcpy(changed, der.data, der.size);
        changed[i] ^= (uint8_t)(1u << i % 8);
        if (vsa_certificate_parse(vsa_slice_of(changed, der.size), &certificate, NULL) == VSA_OK)
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

/* --- DER (X.690) --- */

static void strict_der(void **state)
{
    static const struct {
        const char *hex;
        bool strict;
        const char *comment;
    } rows[] = {
        {"", true, "nothing"},
        {"0500", true, "NULL"},
        {"3000", true, "empty SEQUENCE"},
        {"30030101ff", true, "TRUE in a SEQUENCE"},
        {"a003020102", true, "explicit tag"},
        {"310030000500", true, "one after the other"},
        {"0403 0101 00", true, "OCTET STRINGs are not looked into"},
        {"30", false, "no length"},
        {"3081", false, "length without its byte"},
        {"040261", false, "longer than the input"},
        {"308100", false, "length 0 in 2 bytes"},
        {"048101 61", false, "length 1 in 2 bytes"},
        {"04820001 61", false, "length with a leading zero"},
        {"3080 0500 0000", false, "indefinite length"},
        {"0485 0000000001 61", false, "length in 5 bytes"},
        {"0484ffffffff 61", false, "length 2^32-1"},
        {"04ff61", false, "reserved length"},
        {"1f0100", false, "tag number above 30"},
        {"010101", false, "BOOLEAN 1"},
        {"010100", false, "explicit FALSE"},
        {"0100", false, "BOOLEAN of no bytes"},
        {"0102ffff", false, "BOOLEAN of 2 bytes"},
        {"24030401 61", false, "OCTET STRING in pieces"},
        {"2304030200 61", false, "BIT STRING in pieces"},
        {"2c030c0161", false, "UTF8String in pieces"},
        {"3003300101", false, "cut off inside"},
        {"1000", false, "SEQUENCE as a primitive"},
        {"1100", false, "SET as a primitive"},
        {"30061004308100 00", false, "bad length hidden in a primitive SEQUENCE"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        forge_reset(&forge);
        struct vsa_slice bytes = forge_hex(&forge, rows[i].hex);
        uint8_t *copy = malloc(bytes.size ? bytes.size : 1);
        assert_non_null(copy);
        memcpy(copy, bytes.data, bytes.size);
        if (vsa_der_is_strict(vsa_slice_of(copy, bytes.size)) != rows[i].strict)
            fail_msg("%s", rows[i].comment);
        free(copy);
    }
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
    assert_int_equal(vsa_certificate_parse(der, &certificate, NULL), VSA_ERR_CERTIFICATE_SYNTAX);
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
        cmocka_unit_test(strict_der),
        cmocka_unit_test(hidden_extensions),
    };
    return cmocka_run_group_tests_name("certificate", tests, NULL, NULL);
}
