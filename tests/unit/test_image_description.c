/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of images, whose metadata and certificates are foreign. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "image/description.h"
#include "image/signature.h"
#include "x509/issue.h"
#include "json/value.h"

#define NOW_MS     INT64_C(1767473000000)
#define NOT_BEFORE INT64_C(1767000000000)
#define NOT_AFTER  INT64_C(1798000000000)

static struct vsa_error error;

static const char good_metadata[] =
    "{\"ImageName\":\"app\",\"ImageVersion\":\"1.0\",\"BuildMetadata\":{\"BuildTime\":\"1970\","
    "\"BuildTool\":\"tool\"},\"DockerInfo\":{\"Id\":1},\"CustomMetadata\":{\"BuildTool\":\"mine\","
    "\"x\":\"\\u001b[2J\"}}";

static struct vsa_image image_with(const char *metadata)
{
    struct vsa_image image;
    vsa_image_init(&image);
    assert_int_equal(vsa_image_add(&image, VSA_IMAGE_KERNEL, vsa_slice_of_text("k"), NULL), VSA_OK);
    assert_int_equal(vsa_image_add(&image, VSA_IMAGE_CMDLINE, vsa_slice_of_text("c"), NULL),
                     VSA_OK);
    assert_int_equal(vsa_image_add(&image, VSA_IMAGE_METADATA, vsa_slice_of_text(metadata), NULL),
                     VSA_OK);
    assert_int_equal(vsa_image_add(&image, VSA_IMAGE_RAMDISK, vsa_slice_of_text("r"), NULL),
                     VSA_OK);
    return image;
}

/* Describes an image; the description's JSON is the caller's. */
static struct vsa_image_description describe(const struct vsa_image *image)
{
    struct vsa_image_description description;
    if (vsa_image_describe(image, NOW_MS, &description, &error) != VSA_OK)
        fail_msg("%s", error.detail);
    return description;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "(none)";
}

static void unsigned_image(void **state)
{
    struct vsa_image image = image_with(good_metadata);
    struct vsa_image_description found = describe(&image);
    VSA_AUTO_JSON json_t *json = found.json;
    (void)state;
    assert_int_equal(found.signature.status, VSA_OK);
    assert_int_equal(found.metadata.status, VSA_OK);
    assert_int_equal(json_integer_value(json_object_get(json, "EifVersion")), 4);
    assert_true(json_is_false(json_object_get(json, "IsSigned")));
    assert_null(json_object_get(json, "SigningCertificate"));
    assert_null(json_object_get(json, "SignatureCheck"));
    const json_t *measurements = json_object_get(json, "Measurements");
    assert_int_equal(json_object_size(measurements), 4);
    assert_string_equal(text_of(measurements, "HashAlgorithm"), "Sha384 { ... }");
    assert_int_equal(strlen(text_of(measurements, "PCR2")), 2 * VSA_PCR_SIZE);
}

/* As nitro-cli: the builder's fields win over those of the same name that the user gives. */
static void metadata_is_flat(void **state)
{
    struct vsa_image image = image_with(good_metadata);
    VSA_AUTO_JSON json_t *json = describe(&image).json;
    const json_t *flat = json_object_get(json, "Metadata");
    (void)state;
    assert_string_equal(text_of(json, "ImageName"), "app");
    assert_string_equal(text_of(json, "ImageVersion"), "1.0");
    assert_string_equal(text_of(flat, "BuildTime"), "1970");
    assert_string_equal(text_of(flat, "BuildTool"), "tool");
    assert_string_equal(text_of(flat, "x"), "\x1b[2J");
    assert_true(json_is_object(json_object_get(flat, "DockerInfo")));
    assert_null(json_object_get(flat, "CustomMetadata"));
}

/* Metadata of the wrong form: the image is described all the same, and the reason is given. */
static void hostile_metadata(void **state)
{
    static const struct {
        const char *text;
        enum vsa_status status;
    } rows[] = {
        {"x", VSA_ERR_JSON},
        {"[]", VSA_ERR_JSON},
        {"{", VSA_ERR_JSON},
        {"{\"a\":1,\"a\":1}", VSA_ERR_DUPLICATE_KEY},
        {"\xff{}", VSA_ERR_JSON},
        {"{}", VSA_OK},
        {"{\"BuildMetadata\":[1],\"CustomMetadata\":7,\"ImageName\":{}}", VSA_OK},
        {"{\"IsSigned\":true,\"Measurements\":{}}", VSA_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_image image = image_with(rows[i].text);
        struct vsa_image_description found = describe(&image);
        VSA_AUTO_JSON json_t *json = found.json;
        assert_int_equal(found.metadata.status, rows[i].status);
        assert_int_equal(json_object_get(json, "Metadata") != NULL, rows[i].status == VSA_OK);
        assert_true(json_is_false(json_object_get(json, "IsSigned")));
        assert_int_equal(json_object_size(json_object_get(json, "Measurements")), 4);
    }
}

static struct vsa_key *key;
static char pem[4096];

static int make_signer(void **state)
{
    static const uint8_t serial[] = {1};
    const struct vsa_certificate_template wanted = {
        .subject = {{"CN", "signer"}, {"O", "Example"}},
        .serial = vsa_slice_of(serial, sizeof(serial)),
        .not_before_ms = NOT_BEFORE,
        .not_after_ms = NOT_AFTER,
        .path_length = VSA_NO_PATH_LENGTH,
    };
    uint8_t der[VSA_MAX_CERTIFICATE];
    char base64[3072];
    struct vsa_slice certificate;
    (void)state;
    assert_int_equal(vsa_key_generate(VSA_CURVE_P384, &key, NULL), VSA_OK);
    assert_int_equal(
        vsa_certificate_issue(&wanted, key, NULL, key, der, sizeof(der), &certificate, NULL),
        VSA_OK);
    assert_int_equal(vsa_base64_encode(certificate, base64, sizeof(base64), NULL), VSA_OK);
    (void)snprintf(pem, sizeof(pem), "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n",
                   base64);
    return 0;
}

static int free_signer(void **state)
{
    (void)state;
    vsa_key_free(key);
    return 0;
}

/* Signs the image, in `buffer`. */
static struct vsa_slice sign(const struct vsa_image *image, uint8_t buffer[VSA_MAX_IMAGE_SIGNATURE])
{
    uint8_t private_key[1024];
    struct vsa_slice der;
    struct vsa_slice section;
    assert_int_equal(vsa_key_write_private(key, private_key, sizeof(private_key), &der, NULL),
                     VSA_OK);
    if (vsa_image_sign(image, vsa_slice_of_text(pem), der, NOW_MS, buffer, VSA_MAX_IMAGE_SIGNATURE,
                       &section, &error) != VSA_OK)
        fail_msg("%s", error.detail);
    return section;
}

static void signed_image(void **state)
{
    static uint8_t buffer[VSA_MAX_IMAGE_SIGNATURE];
    struct vsa_image image = image_with(good_metadata);
    (void)state;
    struct vsa_slice section = sign(&image, buffer);
    assert_int_equal(vsa_image_add(&image, VSA_IMAGE_SIGNATURE, section, NULL), VSA_OK);
    struct vsa_image_description found = describe(&image);
    VSA_AUTO_JSON json_t *json = found.json;
    const json_t *certificate = json_object_get(json, "SigningCertificate");
    assert_int_equal(found.signature.status, VSA_OK);
    assert_true(json_is_true(json_object_get(json, "IsSigned")));
    assert_true(json_is_true(json_object_get(json, "SignatureCheck")));
    assert_string_equal(text_of(json_object_get(certificate, "IssuerName"), "commonName"),
                        "signer");
    assert_string_equal(text_of(certificate, "Algorithm"), "ecdsa-with-SHA384");
    assert_string_equal(text_of(certificate, "NotBefore"), "Dec 29 09:20:00 2025 GMT");
    assert_string_equal(text_of(certificate, "NotAfter"), "Dec 23 04:26:40 2026 GMT");
    assert_non_null(strchr(text_of(certificate, "Signature"), ':'));
    assert_int_equal(json_object_size(json_object_get(json, "Measurements")), 5);
}

/* A signature that does not hold is shown with its reason; one that cannot be read is an error. */
static void signatures_that_do_not_hold(void **state)
{
    static uint8_t buffer[VSA_MAX_IMAGE_SIGNATURE];
    struct vsa_image image = image_with(good_metadata);
    struct vsa_image_description found;
    (void)state;
    struct vsa_slice section = sign(&image, buffer);
    image.sections[3].data = vsa_slice_of_text("another ramdisk");
    assert_int_equal(vsa_image_add(&image, VSA_IMAGE_SIGNATURE, section, NULL), VSA_OK);
    found = describe(&image);
    assert_int_equal(found.signature.status, VSA_ERR_SIGNATURE);
    assert_true(json_is_false(json_object_get(found.json, "SignatureCheck")));
    json_decref(found.json);
    image.sections[3].data = vsa_slice_of_text("r");
    assert_int_equal(vsa_image_describe(&image, NOT_AFTER + 1000, &found, &error), VSA_OK);
    assert_int_equal(found.signature.status, VSA_ERR_EXPIRED);
    assert_true(json_is_false(json_object_get(found.json, "SignatureCheck")));
    json_decref(found.json);
    for (size_t size = 1; size < section.size; size += section.size / 16) {
        image.sections[4].data.size = size;
        found.json = NULL;
        assert_int_not_equal(vsa_image_describe(&image, NOW_MS, &found, &error), VSA_OK);
        assert_null(found.json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_image),
        cmocka_unit_test(metadata_is_flat),
        cmocka_unit_test(hostile_metadata),
        cmocka_unit_test(signed_image),
        cmocka_unit_test(signatures_that_do_not_hold),
    };
    return cmocka_run_group_tests(tests, make_signer, free_signer);
}
