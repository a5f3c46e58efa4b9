/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/issue.h"

#include <stdlib.h>

#include "unit_test.h"

#define DAY_MS INT64_C(86400000)
#define NOW_MS INT64_C(1767473000000)

static const uint8_t serial[] = {0x01, 0x02, 0x03};

static struct vsa_certificate_template root_template(void)
{
    return (struct vsa_certificate_template){
        .subject = {{"C", "XX"}, {"O", "Test"}, {"CN", "root"}},
        .serial = {serial, sizeof(serial)},
        .not_before_ms = NOW_MS,
        .not_after_ms = NOW_MS + DAY_MS,
        .is_ca = true,
        .basic_constraints_critical = true,
        .path_length = VSA_NO_PATH_LENGTH,
        .key_usage = VSA_KEY_USAGE_CERTIFICATE_SIGN | VSA_KEY_USAGE_CRL_SIGN,
        .key_usage_critical = true,
        .subject_key_identifier = true,
    };
}

struct made {
    struct vsa_key *key;
    struct vsa_certificate *certificate;
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice der;
};

static void issue(struct made *made, const struct vsa_certificate_template *wanted,
                  const struct made *issuer)
{
    assert_int_equal(vsa_key_generate(VSA_CURVE_P384, &made->key, NULL), VSA_OK);
    assert_int_equal(vsa_certificate_issue(wanted, made->key, issuer ? issuer->certificate : NULL,
                                           issuer ? issuer->key : made->key, made->buffer,
                                           sizeof(made->buffer), &made->der, NULL),
                     VSA_OK);
    assert_int_equal(vsa_certificate_parse(made->der, NULL, &made->certificate, NULL), VSA_OK);
}

static void clear(struct made *made)
{
    vsa_certificate_release(made->certificate);
    vsa_key_free(made->key);
}

static void assert_der_has(const struct made *made, const void *bytes, size_t size)
{
    assert_non_null(memmem(made->der.data, made->der.size, bytes, size));
}

static void test_self_signed(void **state)
{
    (void)state;
    struct made root = {0};
    struct vsa_certificate_template wanted = root_template();
    issue(&root, &wanted, NULL);
    const struct vsa_certificate *certificate = root.certificate;
    assert_int_equal(certificate->fields.version, 3);
    assert_true(certificate->fields.signed_with_ecdsa_sha384);
    assert_false(certificate->fields.malformed);
    assert_true(certificate->fields.has_basic_constraints);
    assert_true(certificate->fields.basic_constraints_critical);
    assert_true(certificate->fields.is_ca);
    assert_int_equal(certificate->fields.path_length, VSA_NO_PATH_LENGTH);
    assert_int_equal(certificate->fields.key_usage,
                     VSA_KEY_USAGE_CERTIFICATE_SIGN | VSA_KEY_USAGE_CRL_SIGN);
    assert_int_equal(certificate->fields.not_before_ms, NOW_MS);
    assert_int_equal(certificate->fields.not_after_ms, NOW_MS + DAY_MS);
    assert_string_equal(certificate->subject, "CN=root,O=Test,C=XX");
    assert_true(vsa_certificate_names_issuer(certificate, certificate));
    assert_int_equal(vsa_certificate_check_signature(certificate, certificate, NULL), VSA_OK);
    clear(&root);
}

/* The parts that struct vsa_certificate does not show, as DER. */
static void test_encoded_parts(void **state)
{
    (void)state;
    static const uint8_t serial_der[] = {0x02, 0x03, 0x01, 0x02, 0x03};
    static const uint8_t country[] = {0x06, 0x03, 0x55, 0x04, 0x06, 0x13, 0x02, 'X', 'X'};
    static const uint8_t organisation[] = {0x55, 0x04, 0x0a, 0x0c, 0x04, 'T', 'e', 's', 't'};
    static const uint8_t point[] = {0x55, 0x1d, 0x1f, 0x04, 0x0f, 0x30, 0x0d, 0x30, 0x0b, 0xa0,
                                    0x09, 0xa0, 0x07, 0x86, 0x05, 'a',  ':',  '/',  '/',  'b'};
    struct made root = {0};
    struct vsa_certificate_template wanted = root_template();
    wanted.crl_distribution_point = "a://b";
    issue(&root, &wanted, NULL);
    assert_der_has(&root, serial_der, sizeof(serial_der));
    assert_der_has(&root, country, sizeof(country));
    assert_der_has(&root, organisation, sizeof(organisation));
    assert_der_has(&root, point, sizeof(point));
    clear(&root);
}

/* A leaf as Nitro has it: CA:FALSE critical, a key usage that is not. */
static void test_leaf_extensions(void **state)
{
    (void)state;
    static const uint8_t extensions[] = {0xa3, 0x1d, 0x30, 0x1b, 0x30, 0x0c, 0x06, 0x03,
                                         0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02,
                                         0x30, 0x00, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x1d,
                                         0x0f, 0x04, 0x04, 0x03, 0x02, 0x06, 0xc0};
    struct made root = {0};
    struct made leaf = {0};
    struct vsa_certificate_template wanted = root_template();
    issue(&root, &wanted, NULL);
    wanted.subject[2].value = "leaf";
    wanted.is_ca = false;
    wanted.key_usage = VSA_KEY_USAGE_DIGITAL_SIGNATURE | VSA_KEY_USAGE_NON_REPUDIATION;
    wanted.key_usage_critical = false;
    wanted.subject_key_identifier = false;
    issue(&leaf, &wanted, &root);
    assert_der_has(&leaf, extensions, sizeof(extensions));
    assert_false(leaf.certificate->fields.is_ca);
    assert_true(vsa_certificate_names_issuer(leaf.certificate, root.certificate));
    assert_int_equal(vsa_certificate_check_signature(leaf.certificate, root.certificate, NULL),
                     VSA_OK);
    assert_int_equal(vsa_certificate_check_signature(root.certificate, leaf.certificate, NULL),
                     VSA_ERR_CHAIN);
    clear(&leaf);
    clear(&root);
}

static void test_identifiers(void **state)
{
    (void)state;
    struct made root = {0};
    struct made other = {0};
    struct made child = {0};
    struct vsa_certificate_template wanted = root_template();
    issue(&root, &wanted, NULL);
    issue(&other, &wanted, NULL);
    wanted.subject[2].value = "child";
    wanted.path_length = 0;
    wanted.authority_key_identifier = true;
    issue(&child, &wanted, &root);
    assert_int_equal(child.certificate->fields.path_length, 0);
    assert_true(vsa_certificate_names_issuer(child.certificate, root.certificate));
    /* The same name, another key. */
    assert_false(vsa_certificate_names_issuer(child.certificate, other.certificate));
    clear(&child);
    clear(&other);
    clear(&root);
}

static size_t place_of(const struct made *made, const char *oid)
{
    const uint8_t *found = memmem(made->der.data, made->der.size, oid, 3);
    assert_non_null(found);
    return (size_t)(found - made->der.data);
}

static void test_extension_order(void **state)
{
    (void)state;
    struct made root = {0};
    struct made child = {0};
    struct vsa_certificate_template wanted = root_template();
    issue(&root, &wanted, NULL);
    wanted.subject[2].value = "child";
    wanted.authority_key_identifier = true;
    issue(&child, &wanted, &root);
    assert_true(place_of(&child, "\x55\x1d\x23") < place_of(&child, "\x55\x1d\x0e"));
    assert_true(place_of(&child, "\x55\x1d\x0e") < place_of(&child, "\x55\x1d\x0f"));
    clear(&child);
    child = (struct made){0};
    wanted.key_usage_first = true;
    issue(&child, &wanted, &root);
    assert_true(place_of(&child, "\x55\x1d\x0f") < place_of(&child, "\x55\x1d\x0e"));
    assert_true(place_of(&child, "\x55\x1d\x0e") < place_of(&child, "\x55\x1d\x23"));
    clear(&child);
    clear(&root);
}

/* UTCTime up to 2049, GeneralizedTime after it (RFC 5280 section 4.1.2.5). */
static void test_far_future(void **state)
{
    (void)state;
    struct made root = {0};
    struct vsa_certificate_template wanted = root_template();
    wanted.not_after_ms = INT64_C(2554416000000); /* 2050-12-12 */
    issue(&root, &wanted, NULL);
    assert_int_equal(root.certificate->fields.not_after_ms, wanted.not_after_ms);
    assert_der_has(&root,
                   "\x18\x0f"
                   "20501212",
                   10);
    clear(&root);
}

static void assert_refused(const struct vsa_certificate_template *wanted, size_t capacity,
                           enum vsa_status expected)
{
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice der;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    assert_int_equal(vsa_key_generate(VSA_CURVE_P384, &key, NULL), VSA_OK);
    assert_int_equal(vsa_certificate_issue(wanted, key, NULL, key, buffer, capacity, &der, NULL),
                     expected);
}

static void test_impossible_templates(void **state)
{
    (void)state;
    static const uint8_t long_serial[21] = {1};
    char long_name[66];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    struct vsa_certificate_template wanted = root_template();
    assert_refused(&wanted, VSA_MAX_CERTIFICATE, VSA_OK);
    assert_refused(&wanted, 100, VSA_ERR_BUFFER);
    wanted.serial = vsa_slice_of(serial, 0);
    assert_refused(&wanted, VSA_MAX_CERTIFICATE, VSA_ERR_ARGUMENT);
    wanted.serial = vsa_slice_of(long_serial, sizeof(long_serial));
    assert_refused(&wanted, VSA_MAX_CERTIFICATE, VSA_ERR_ARGUMENT);
    wanted = root_template();
    wanted.subject[2].value = long_name; /* a common name has 64 characters at most */
    assert_refused(&wanted, VSA_MAX_CERTIFICATE, VSA_ERR_ARGUMENT);
    wanted.subject[2] = (struct vsa_name_part){"NoSuchType", "x"};
    assert_refused(&wanted, VSA_MAX_CERTIFICATE, VSA_ERR_ARGUMENT);
    wanted = root_template();
    wanted.authority_key_identifier = true; /* of no issuer */
    assert_refused(&wanted, VSA_MAX_CERTIFICATE, VSA_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_self_signed),          cmocka_unit_test(test_encoded_parts),
        cmocka_unit_test(test_leaf_extensions),      cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_extension_order),      cmocka_unit_test(test_far_future),
        cmocka_unit_test(test_impossible_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
