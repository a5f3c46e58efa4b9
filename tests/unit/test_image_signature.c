/* SPDX-License-Identifier: Apache-2.0 */
/* Signed images: signing and verifying on three curves, and all that a signature must not be. */
#include "unit_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/slice.h"
#include "cbor/writer.h"
#include "cose/sign1.h"
#include "image/signature.h"
#include "x509/description.h"
#include "x509/issue.h"

#define NOW_MS     INT64_C(1768478400000) /* 2026-01-15T12:00:00Z */
#define DAY_MS     INT64_C(86400000)
#define NOT_BEFORE (NOW_MS - DAY_MS)
#define NOT_AFTER  (NOW_MS + DAY_MS)

/* A key, its certificate and the PEM of both. */
struct signer {
    struct vsa_key *key;
    uint8_t private_key[512];
    struct vsa_slice private_der;
    uint8_t der_buffer[2048];
    struct vsa_slice der;
    char pem[4096];
};

static struct signer signers[3]; /* P-256, P-384, P-521 */

static struct vsa_slice pem_of(const struct signer *signer)
{
    return vsa_slice_of_text(signer->pem);
}

static void make_signer(struct signer *signer, enum vsa_curve curve)
{
    static const uint8_t serial[] = {1};
    const struct vsa_certificate_template wanted = {
        .subject = {{"CN", "signer"}, {"O", "Example"}},
        .serial = vsa_slice_of(serial, sizeof(serial)),
        .not_before_ms = NOT_BEFORE,
        .not_after_ms = NOT_AFTER,
        .path_length = VSA_NO_PATH_LENGTH,
    };
    assert_int_equal(vsa_key_generate(curve, &signer->key, NULL), VSA_OK);
    assert_int_equal(vsa_key_write_private(signer->key, signer->private_key,
                                           sizeof(signer->private_key), &signer->private_der, NULL),
                     VSA_OK);
    assert_int_equal(vsa_certificate_issue(&wanted, signer->key, NULL, signer->key,
                                           signer->der_buffer, sizeof(signer->der_buffer),
                                           &signer->der, NULL),
                     VSA_OK);
    char base64[3072];
    assert_int_equal(vsa_base64_encode(signer->der, base64, sizeof(base64), NULL), VSA_OK);
    size_t used =
        (size_t)snprintf(signer->pem, sizeof(signer->pem), "-----BEGIN CERTIFICATE-----\n");
    for (size_t i = 0; i < strlen(base64); i += 64)
        used +=
            (size_t)snprintf(signer->pem + used, sizeof(signer->pem) - used, "%.64s\n", base64 + i);
    (void)snprintf(signer->pem + used, sizeof(signer->pem) - used, "-----END CERTIFICATE-----\n");
}

static int set_up(void **state)
{
    (void)state;
    make_signer(&signers[0], VSA_CURVE_P256);
    make_signer(&signers[1], VSA_CURVE_P384);
    make_signer(&signers[2], VSA_CURVE_P521);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        vsa_key_free(signers[i].key);
    return 0;
}

static struct vsa_image unsigned_image(const char *ramdisk)
{
    struct vsa_image image;
    vsa_image_init(&image);
    image.section_count = 4;
    image.sections[0] = (struct vsa_image_section){VSA_IMAGE_KERNEL, vsa_slice_of_text("KERNEL")};
    image.sections[1] =
        (struct vsa_image_section){VSA_IMAGE_CMDLINE, vsa_slice_of_text("console=ttyS0")};
    image.sections[2] = (struct vsa_image_section){VSA_IMAGE_METADATA, vsa_slice_of_text("{}")};
    image.sections[3] = (struct vsa_image_section){VSA_IMAGE_RAMDISK, vsa_slice_of_text(ramdisk)};
    return image;
}

static void attach(struct vsa_image *image, struct vsa_slice section)
{
    assert_int_equal(vsa_image_add(image, VSA_IMAGE_SIGNATURE, section, NULL), VSA_OK);
}

static void signs_and_verifies_on_three_curves(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct vsa_image image = unsigned_image("RAMDISK0");
        static uint8_t buffer[VSA_MAX_IMAGE_SIGNATURE];
        struct vsa_slice section;
        struct vsa_error error = {0};
        if (vsa_image_sign(&image, pem_of(&signers[i]), signers[i].private_der, NOW_MS, buffer,
                           sizeof(buffer), &section, &error) != VSA_OK)
            fail_msg("%s", error.detail);
        attach(&image, section);
        if (vsa_image_verify_signature(&image, NOW_MS, &error) != VSA_OK)
            fail_msg("%s", error.detail);
        struct vsa_image_measurements measurements;
        uint8_t pcr8[VSA_PCR_SIZE];
        assert_int_equal(vsa_image_measure(&image, &measurements, NULL), VSA_OK);
        assert_true(measurements.is_signed);
        assert_int_equal(vsa_image_measure_bytes(signers[i].der, pcr8, NULL), VSA_OK);
        assert_memory_equal(measurements.pcr8, pcr8, VSA_PCR_SIZE);
        /* Signed already. */
        assert_int_equal(vsa_image_sign(&image, pem_of(&signers[i]), signers[i].private_der, NOW_MS,
                                        buffer, sizeof(buffer), &section, &error),
                         VSA_ERR_ARGUMENT);
    }
}

/* [{"signing_certificate": [45, ...], "signature": [132, 68, ...]}] */
static void section_has_aws_shape(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        0x81, 0xa2, 0x73, 's', 'i', 'g', 'n', 'i', 'n', 'g',  '_',  'c',  'e',
        'r',  't',  'i',  'f', 'i', 'c', 'a', 't', 'e', 0x82, 0x18, 0x2d, 0x00,
        0x69, 's',  'i',  'g', 'n', 'a', 't', 'u', 'r', 'e',  0x81, 0x18, 0x84,
    };
    static const uint8_t certificate[] = {0x2d, 0x00};
    static const uint8_t sign1[] = {0x84};
    uint8_t buffer[64];
    struct vsa_slice section;
    assert_int_equal(vsa_image_signature_write(vsa_slice_of(certificate, 2), vsa_slice_of(sign1, 1),
                                               buffer, sizeof(buffer), &section, NULL),
                     VSA_OK);
    assert_int_equal(section.size, sizeof(expected));
    assert_memory_equal(section.data, expected, sizeof(expected));
    static struct vsa_image_signature signature;
    assert_int_equal(vsa_image_signature_read(section, &signature, NULL), VSA_OK);
    assert_int_equal(signature.certificate_size, 2);
    assert_memory_equal(signature.certificate, certificate, 2);
    assert_int_equal(signature.sign1_size, 1);
    assert_int_equal(signature.sign1[0], 0x84);
}

static void payload_has_aws_shape(void **state)
{
    (void)state;
    uint8_t pcr0[VSA_PCR_SIZE] = {0, 23, 24, 255};
    static const uint8_t begin[] = "\xa2\x6eregister_index\x00\x6eregister_value\x98\x30"
                                   "\x00\x17\x18\x18\x18\xff\x00";
    uint8_t buffer[256];
    struct vsa_slice payload;
    assert_int_equal(vsa_image_payload_write(pcr0, buffer, sizeof(buffer), &payload, NULL), VSA_OK);
    assert_int_equal(payload.size, 1 + 15 + 1 + 15 + 2 + 48 + 2);
    assert_memory_equal(payload.data, begin, sizeof(begin) - 1);
    assert_int_equal(vsa_image_payload_check(payload, pcr0, NULL), VSA_OK);
    /* The same map with its keys in the other order: nitro-cli compares bytes. */
    uint8_t swapped[256];
    struct vsa_error error = {0};
    memcpy(swapped, buffer, 1);
    memcpy(swapped + 1, buffer + 17, payload.size - 17);
    memcpy(swapped + 1 + payload.size - 17, buffer + 1, 16);
    assert_int_equal(vsa_image_payload_check(vsa_slice_of(swapped, payload.size), pcr0, &error),
                     VSA_ERR_SIGNATURE);
    assert_non_null(strstr(error.detail, "order of keys"));
    pcr0[47] = 1;
    assert_int_equal(vsa_image_payload_check(payload, pcr0, NULL), VSA_ERR_SIGNATURE);
}

static void signing_is_refused(void **state)
{
    (void)state;
    struct vsa_image image = unsigned_image("RAMDISK0");
    static uint8_t buffer[VSA_MAX_IMAGE_SIGNATURE];
    struct vsa_slice section = {NULL, 0};
    static const struct {
        size_t certificate, key;
        int64_t now_ms;
        enum vsa_status expected;
        const char *detail;
    } rows[] = {
        {1, 1, NOT_BEFORE - 1, VSA_ERR_NOT_YET_VALID, "not valid before 2026-01-14T12:00:00Z"},
        {1, 1, NOT_BEFORE, VSA_OK, ""},
        {1, 1, NOT_AFTER, VSA_OK, ""},
        {1, 1, NOT_AFTER + 1, VSA_ERR_EXPIRED, "expired at 2026-01-16T12:00:00Z"},
        {1, 0, NOW_MS, VSA_ERR_ARGUMENT, "does not belong to the signing certificate"},
        {1, 2, NOW_MS, VSA_ERR_ARGUMENT, "does not belong to the signing certificate"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_error error = {0};
        enum vsa_status status = vsa_image_sign(&image, pem_of(&signers[rows[i].certificate]),
                                                signers[rows[i].key].private_der, rows[i].now_ms,
                                                buffer, sizeof(buffer), &section, &error);
        assert_int_equal(status, rows[i].expected);
        assert_non_null(strstr(error.detail, rows[i].detail));
    }
    struct vsa_error error = {0};
    assert_int_equal(vsa_image_sign(&image, signers[1].der, signers[1].private_der, NOW_MS, buffer,
                                    sizeof(buffer), &section, &error),
                     VSA_ERR_CERTIFICATE_SYNTAX);
    assert_non_null(strstr(error.detail, "must be PEM"));
    assert_int_equal(vsa_image_sign(&image, pem_of(&signers[1]), vsa_slice_of_text("no key"),
                                    NOW_MS, buffer, sizeof(buffer), &section, &error),
                     VSA_ERR_CERTIFICATE_SYNTAX);
    assert_int_equal(vsa_image_sign(&image, pem_of(&signers[1]), signers[1].private_der, NOW_MS,
                                    buffer, 100, &section, &error),
                     VSA_ERR_BUFFER);
}

/* A fresh key of the same curve, not the one in the certificate. */
static void other_key(void **state)
{
    (void)state;
    struct vsa_image image = unsigned_image("RAMDISK0");
    struct signer *stranger = calloc(1, sizeof(*stranger));
    assert_non_null(stranger);
    make_signer(stranger, VSA_CURVE_P384);
    uint8_t buffer[64];
    struct vsa_slice section;
    assert_int_equal(vsa_image_sign(&image, pem_of(&signers[1]), stranger->private_der, NOW_MS,
                                    buffer, sizeof(buffer), &section, NULL),
                     VSA_ERR_ARGUMENT);
    vsa_key_free(stranger->key);
    free(stranger);
}

static struct vsa_slice signed_section(const struct vsa_image *image, const struct signer *signer,
                                       uint8_t *buffer)
{
    struct vsa_slice section;
    assert_int_equal(vsa_image_sign(image, pem_of(signer), signer->private_der, NOW_MS, buffer,
                                    VSA_MAX_IMAGE_SIGNATURE, &section, NULL),
                     VSA_OK);
    return section;
}

static void verification_is_refused(void **state)
{
    (void)state;
    static uint8_t buffer[VSA_MAX_IMAGE_SIGNATURE];
    struct vsa_error error = {0};
    struct vsa_image image = unsigned_image("RAMDISK0");
    assert_int_equal(vsa_image_verify_signature(&image, NOW_MS, &error), VSA_ERR_FIELD_MISSING);
    struct vsa_slice section = signed_section(&image, &signers[1], buffer);
    attach(&image, section);
    assert_int_equal(vsa_image_verify_signature(&image, NOT_AFTER + 1, &error), VSA_ERR_EXPIRED);
    assert_int_equal(vsa_image_verify_signature(&image, NOT_BEFORE - 1, &error),
                     VSA_ERR_NOT_YET_VALID);
    /* The same signature on another image. */
    struct vsa_image other = unsigned_image("RAMDISK1");
    attach(&other, section);
    assert_int_equal(vsa_image_verify_signature(&other, NOW_MS, &error), VSA_ERR_SIGNATURE);
    assert_non_null(strstr(error.detail, "the PCR0 of another image"));
    /* The last byte of s, which takes one or two bytes of CBOR, is the section's last byte. */
    buffer[section.size - 1] ^= 1;
    assert_int_equal(vsa_image_verify_signature(&image, NOW_MS, &error), VSA_ERR_SIGNATURE);
}

/* Signs `payload` and puts it under `certificate`. */
static struct vsa_slice forge(const struct signer *key, const struct signer *certificate,
                              struct vsa_slice payload, uint8_t *buffer)
{
    uint8_t sign1_buffer[VSA_MAX_IMAGE_SIGN1];
    struct vsa_slice sign1;
    struct vsa_slice section;
    assert_int_equal(vsa_cose_sign1_sign(key->key, NULL, payload, sign1_buffer,
                                         sizeof(sign1_buffer), &sign1, NULL),
                     VSA_OK);
    assert_int_equal(vsa_image_signature_write(pem_of(certificate), sign1, buffer,
                                               VSA_MAX_IMAGE_SIGNATURE, &section, NULL),
                     VSA_OK);
    return section;
}

static void forged_payloads(void **state)
{
    (void)state;
    struct vsa_image image = unsigned_image("RAMDISK0");
    struct vsa_image_measurements measurements;
    assert_int_equal(vsa_image_measure(&image, &measurements, NULL), VSA_OK);
    uint8_t good[256];
    struct vsa_slice payload;
    assert_int_equal(vsa_image_payload_write(measurements.pcr0, good, sizeof(good), &payload, NULL),
                     VSA_OK);
    static uint8_t buffer[VSA_MAX_IMAGE_SIGNATURE];
    struct vsa_error error = {0};
    image.section_count = 5;
    image.sections[4].type = VSA_IMAGE_SIGNATURE;

    image.sections[4].data = forge(&signers[1], &signers[1], payload, buffer);
    assert_int_equal(vsa_image_verify_signature(&image, NOW_MS, NULL), VSA_OK);

    image.sections[4].data = forge(&signers[0], &signers[1], payload, buffer);
    assert_int_equal(vsa_image_verify_signature(&image, NOW_MS, NULL), VSA_ERR_ALGORITHM);

    good[16] = 8; /* register_index */
    image.sections[4].data = forge(&signers[1], &signers[1], payload, buffer);
    assert_int_equal(vsa_image_verify_signature(&image, NOW_MS, &error), VSA_ERR_SIGNATURE);
    assert_non_null(strstr(error.detail, "not over PCR0"));
    good[16] = 0;

    struct vsa_slice shorter = vsa_slice_of(good, payload.size - 1);
    image.sections[4].data = forge(&signers[1], &signers[1], shorter, buffer);
    assert_int_not_equal(vsa_image_verify_signature(&image, NOW_MS, NULL), VSA_OK);

    struct vsa_slice empty_map = vsa_slice_of("\xa0", 1);
    image.sections[4].data = forge(&signers[1], &signers[1], empty_map, buffer);
    assert_int_equal(vsa_image_verify_signature(&image, NOW_MS, NULL), VSA_ERR_SIGNATURE);
}

static void malformed_sections(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum vsa_status expected;
    } rows[] = {
        {"", 0, VSA_ERR_CBOR},
        {"\x80", 1, VSA_ERR_FIELD},              /* no signature */
        {"\x82\xa0\xa0", 3, VSA_ERR_FIELD},      /* two */
        {"\xa0", 1, VSA_ERR_FIELD},              /* not an array */
        {"\x81\xa0", 2, VSA_ERR_FIELD_MISSING},  /* nothing in it */
        {"\x81\xa1\x61x\x00", 5, VSA_ERR_FIELD}, /* unknown key */
        {"\x81\xa1\x69signature\x81\x01", 14, VSA_ERR_FIELD_MISSING},
        {"\x81\xa1\x69signature\x80", 13, VSA_ERR_FIELD_MISSING},
        {"\x81\xa1\x69signature\x81\x19\x01\x00", 16, VSA_ERR_FIELD}, /* 256 */
        {"\x81\xa1\x69signature\x81\x20", 14, VSA_ERR_FIELD},         /* -1 */
        {"\x81\xa1\x69signature\x41\x01", 14, VSA_ERR_FIELD},         /* byte string */
        {"\x81\xa1\x69signature\x9a\xff\xff\xff\xff", 17, VSA_ERR_CBOR},
        {"\x81\xa2\x69signature\x81\x01\x69signature\x81\x01", 26, VSA_ERR_DUPLICATE_KEY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static struct vsa_image_signature signature;
        struct vsa_error error = {0};
        enum vsa_status status =
            vsa_image_signature_read(vsa_slice_of(rows[i].bytes, rows[i].size), &signature, &error);
        if (status != rows[i].expected)
            fail_msg("row %zu: %s '%s'", i, vsa_status_code(status), error.detail);
        assert_memory_equal(error.detail, "the signature section: ", 23);
    }
}

static void limits(void **state)
{
    (void)state;
    uint8_t *bytes = calloc(1, VSA_MAX_IMAGE_SIGNATURE);
    uint8_t *buffer = malloc(2 * VSA_MAX_IMAGE_SIGNATURE);
    struct vsa_image_signature *signature = malloc(sizeof(*signature));
    assert_non_null(bytes);
    assert_non_null(buffer);
    assert_non_null(signature);
    struct vsa_slice section;
    static const size_t sizes[2][2] = {{VSA_MAX_IMAGE_CERTIFICATE, 1}, {1, VSA_MAX_IMAGE_SIGN1}};
    for (size_t i = 0; i < 2; i++)
        for (size_t more = 0; more < 2; more++) {
            size_t certificate = sizes[i][0] + (i == 0 ? more : 0);
            size_t sign1 = sizes[i][1] + (i == 1 ? more : 0);
            assert_int_equal(vsa_image_signature_write(vsa_slice_of(bytes, certificate),
                                                       vsa_slice_of(bytes, sign1), buffer,
                                                       2 * VSA_MAX_IMAGE_SIGNATURE, &section, NULL),
                             VSA_OK);
            assert_int_equal(vsa_image_signature_read(section, signature, NULL),
                             more ? VSA_ERR_TOO_LARGE : VSA_OK);
        }
    free(signature);
    free(buffer);
    free(bytes);
}

static void description_of_the_certificate(void **state)
{
    (void)state;
    struct vsa_certificate *certificate = NULL;
    assert_int_equal(vsa_certificate_parse(signers[1].der, NULL, &certificate, NULL), VSA_OK);
    struct vsa_certificate_description *description = malloc(sizeof(*description));
    assert_non_null(description);
    assert_int_equal(vsa_certificate_describe(&certificate->fields, description, NULL), VSA_OK);
    assert_int_equal(description->issuer_count, 2);
    assert_string_equal(description->issuer[0].type, "commonName");
    assert_string_equal(description->issuer[0].value, "signer");
    assert_string_equal(description->issuer[1].type, "organizationName");
    assert_string_equal(description->signature_algorithm, "ecdsa-with-SHA384");
    /* The certificate ends with its signature. */
    const struct vsa_slice signature = description->signature;
    assert_true(signature.size > 100);
    assert_memory_equal(signature.data, signers[1].der.data + signers[1].der.size - signature.size,
                        signature.size);
    free(description);
    vsa_certificate_release(certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_and_verifies_on_three_curves),
        cmocka_unit_test(section_has_aws_shape),
        cmocka_unit_test(payload_has_aws_shape),
        cmocka_unit_test(signing_is_refused),
        cmocka_unit_test(other_key),
        cmocka_unit_test(verification_is_refused),
        cmocka_unit_test(forged_payloads),
        cmocka_unit_test(malformed_sections),
        cmocka_unit_test(limits),
        cmocka_unit_test(description_of_the_certificate),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
