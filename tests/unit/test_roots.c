/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded roots are the ones whose fingerprints AWS publishes, and can be anchors. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "attestation/roots.h"
#include "base/cleanup.h"
#include "base/hex.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "x509/certificate.h"
#include <vsattest/attestation.h>

static const struct {
    const char *sha256; /* of the DER */
    size_t size;
    const char *subject;
    int64_t not_before_ms;
    int64_t not_after_ms;
    const char *file; /* of the shared test data */
} facts[VSA_AWS_ROOT_COUNT] = {
    {"641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b", 533,
     "CN=aws.nitro-enclaves,OU=AWS,O=Amazon,C=US", INT64_C(1572269285000), INT64_C(2519044085000),
     "aws_NitroEnclaves_Root-G1.pem"},
    {"20bcd30a3e168ea03789e1c45912bc123c4de3c977b8a6e1c125c7929d668b3b", 548,
     "CN=aws-us-gov.nitro-enclaves,OU=AWS,O=Amazon,C=US", INT64_C(1599739426000),
     INT64_C(2546427826000), "aws-us-gov-root.pem"},
};

static void expect_fingerprint(struct vsa_slice der, size_t index)
{
    uint8_t digest[VSA_SHA256_SIZE];
    char hex[2 * VSA_SHA256_SIZE + 1];
    assert_int_equal(vsa_sha256(&der, 1, digest, NULL), VSA_OK);
    vsa_hex_encode(vsa_slice_of(digest, sizeof(digest)), hex, sizeof(hex));
    assert_string_equal(hex, facts[index].sha256);
}

/* Every bit of the fingerprint counts. */
static void expect_aws(struct vsa_slice der)
{
    uint8_t digest[VSA_SHA256_SIZE];
    assert_int_equal(vsa_sha256(&der, 1, digest, NULL), VSA_OK);
    assert_true(vsa_is_aws_root(digest));
    for (size_t bit = 0; bit < 8 * sizeof(digest); bit++) {
        digest[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(vsa_is_aws_root(digest));
        digest[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void fingerprints_and_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < VSA_AWS_ROOT_COUNT; i++) {
        uint8_t buffer[VSA_MAX_CERTIFICATE];
        struct vsa_slice der;
        VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *root = NULL;
        assert_int_equal(vsa_certificate_read_file(vsa_slice_of_text(vsa_aws_roots[i]), buffer,
                                                   sizeof(buffer), &der, NULL),
                         VSA_OK);
        assert_int_equal(der.size, facts[i].size);
        expect_fingerprint(der, i);
        expect_aws(der);
        assert_int_equal(vsa_certificate_parse(der, NULL, &root, NULL), VSA_OK);
        assert_string_equal(root->subject, facts[i].subject);
        assert_true(root->fields.not_before_ms == facts[i].not_before_ms);
        assert_true(root->fields.not_after_ms == facts[i].not_after_ms);
        assert_true(root->fields.is_ca && root->fields.signed_with_ecdsa_sha384);
        assert_int_equal(root->fields.path_length, VSA_NO_PATH_LENGTH);
        assert_int_equal(vsa_certificate_check_signature(root, root, NULL), VSA_OK);
    }
}

static void aws_roots_are_anchors(void **state)
{
    (void)state;
    struct vsa_verifier *verifier = vsa_verifier_new();
    struct vsa_error error = {0};
    assert_non_null(verifier);
    assert_int_equal(vsa_verifier_add_aws_roots(verifier, &error), VSA_OK);
    /* Twice is fine, and each by itself. */
    assert_int_equal(vsa_verifier_add_aws_roots(verifier, &error), VSA_OK);
    for (size_t i = 0; i < VSA_AWS_ROOT_COUNT; i++)
        assert_int_equal(
            vsa_verifier_add_root(verifier, vsa_slice_of_text(vsa_aws_roots[i]), &error), VSA_OK);
    vsa_verifier_free(verifier);
}

static void the_same_as_the_published_files(void **state)
{
    (void)state;
    const char *directory = getenv("VSA_SHARED");
    for (size_t i = 0; i < VSA_AWS_ROOT_COUNT; i++) {
        char path[4096];
        char pem[4096];
        uint8_t buffer[VSA_MAX_CERTIFICATE];
        struct vsa_slice der;
        (void)snprintf(path, sizeof(path), "%s/testdata/roots/%s",
                       directory ? directory : "../shared", facts[i].file);
        FILE *file = fopen(path, "rb");
        if (!file)
            SKIP_BECAUSE("no testdata/roots under VSA_SHARED");
        size_t size = fread(pem, 1, sizeof(pem), file);
        (void)fclose(file);
        assert_int_equal(
            vsa_certificate_read_file(vsa_slice_of(pem, size), buffer, sizeof(buffer), &der, NULL),
            VSA_OK);
        expect_fingerprint(der, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_and_facts),
        cmocka_unit_test(aws_roots_are_anchors),
        cmocka_unit_test(the_same_as_the_published_files),
    };
    return cmocka_run_group_tests_name("roots", tests, NULL, NULL);
}
