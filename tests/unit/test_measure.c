/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements: the known answers of nitro-facts.md 9.2 and 9.3. */
#include "unit_test.h"

#include <string.h>

#include "base/hex.h"
#include <vsattest/image.h>

/* PCR2 of an image with one ramdisk: the formula over nothing. */
#define PCR_OF_NOTHING                                                                             \
    "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c"                             \
    "10edb30948c90ba67310f7b964fc500a"
#define KNOWN_PCR0                                                                                 \
    "61fd2b06210a933b3db5e15c5752e394894bb097f7f1d96ad1f55a7525d0d7aa"                             \
    "2c63b235f44420b12d8376cc392bdefb"
#define KNOWN_PCR1                                                                                 \
    "a6d35ce3e7ba80048a2b23da9b15063726a7cea90e16e9d6934e92a15aa1896f"                             \
    "d54de706310e2fbc585d9c37db9c1805"
#define KNOWN_PCR2                                                                                 \
    "5f699ae4300525c628f5c96fc521729dd6ca1a2c07cb07b69e7ae9e3fa935cfd"                             \
    "7cc83b3e26d89201a486d9db2405c562"

static void add(struct vsa_image *image, enum vsa_image_section_type type, const char *data)
{
    assert_int_equal(vsa_image_add(image, type, vsa_slice_of_text(data), NULL), VSA_OK);
}

static void assert_pcr(const uint8_t *pcr, const char *expected)
{
    char hex[2 * VSA_PCR_SIZE + 1];
    vsa_hex_encode(vsa_slice_of(pcr, VSA_PCR_SIZE), hex, sizeof(hex));
    assert_string_equal(hex, expected);
}

static void known_answer(void **state)
{
    (void)state;
    struct vsa_image image;
    struct vsa_image_measurements measurements;
    vsa_image_init(&image);
    add(&image, VSA_IMAGE_KERNEL, "KERNEL");
    add(&image, VSA_IMAGE_CMDLINE, "console=ttyS0");
    add(&image, VSA_IMAGE_METADATA, "{}");
    add(&image, VSA_IMAGE_RAMDISK, "RAMDISK0");
    assert_int_equal(vsa_image_measure(&image, &measurements, NULL), VSA_OK);
    assert_pcr(measurements.pcr0, KNOWN_PCR1);
    assert_pcr(measurements.pcr1, KNOWN_PCR1);
    assert_pcr(measurements.pcr2, PCR_OF_NOTHING);
    assert_false(measurements.is_signed);
    static const uint8_t zero[VSA_PCR_SIZE];
    assert_memory_equal(measurements.pcr8, zero, VSA_PCR_SIZE);

    add(&image, VSA_IMAGE_RAMDISK, "RAMDISK1");
    assert_int_equal(vsa_image_measure(&image, &measurements, NULL), VSA_OK);
    assert_pcr(measurements.pcr0, KNOWN_PCR0);
    assert_pcr(measurements.pcr1, KNOWN_PCR1);
    assert_pcr(measurements.pcr2, KNOWN_PCR2);
}

static void ramdisks_are_measured_in_a_row(void **state)
{
    (void)state;
    static const char *const splits[2][2] = {{"RAM", "DISK1"}, {"RAMDISK", "1"}};
    for (size_t i = 0; i < 2; i++) {
        struct vsa_image image;
        struct vsa_image_measurements measurements;
        vsa_image_init(&image);
        add(&image, VSA_IMAGE_METADATA, "{\"not\": \"measured\"}");
        add(&image, VSA_IMAGE_KERNEL, "KERNEL");
        add(&image, VSA_IMAGE_CMDLINE, "console=ttyS0");
        add(&image, VSA_IMAGE_RAMDISK, "RAMDISK0");
        add(&image, VSA_IMAGE_RAMDISK, splits[i][0]);
        add(&image, VSA_IMAGE_RAMDISK, splits[i][1]);
        assert_int_equal(vsa_image_measure(&image, &measurements, NULL), VSA_OK);
        assert_pcr(measurements.pcr0, KNOWN_PCR0);
        assert_pcr(measurements.pcr2, KNOWN_PCR2);
    }
}

static void incomplete_images(void **state)
{
    (void)state;
    struct vsa_image image;
    struct vsa_image_measurements measurements;
    struct vsa_error error = {0};
    vsa_image_init(&image);
    add(&image, VSA_IMAGE_KERNEL, "KERNEL");
    add(&image, VSA_IMAGE_METADATA, "{}");
    add(&image, VSA_IMAGE_RAMDISK, "RAMDISK0");
    memset(&measurements, 0xa5, sizeof(measurements));
    assert_int_equal(vsa_image_measure(&image, &measurements, &error), VSA_ERR_IMAGE);
    assert_string_equal(error.detail, "the cmdline section is missing");
    assert_int_equal(measurements.pcr0[0], 0xa5);
    /* A signature section that is none. */
    add(&image, VSA_IMAGE_CMDLINE, "console=ttyS0");
    vsa_image_init(&image);
    add(&image, VSA_IMAGE_KERNEL, "KERNEL");
    add(&image, VSA_IMAGE_CMDLINE, "console=ttyS0");
    add(&image, VSA_IMAGE_METADATA, "{}");
    add(&image, VSA_IMAGE_RAMDISK, "RAMDISK0");
    add(&image, VSA_IMAGE_SIGNATURE, "\x80");
    assert_int_equal(vsa_image_measure(&image, &measurements, &error), VSA_ERR_FIELD);
    assert_non_null(strstr(error.detail, "the signature section"));
}

static void formula(void **state)
{
    (void)state;
    uint8_t pcr[VSA_PCR_SIZE];
    assert_int_equal(vsa_image_measure_bytes(vsa_slice_of("", 0), pcr, NULL), VSA_OK);
    assert_pcr(pcr, PCR_OF_NOTHING);
    assert_int_equal(
        vsa_image_measure_bytes(vsa_slice_of_text("KERNELconsole=ttyS0RAMDISK0"), pcr, NULL),
        VSA_OK);
    assert_pcr(pcr, KNOWN_PCR1);
}

/* AWS's root G1, as if it were a signing certificate. */
static const char root_g1[] = "-----BEGIN CERTIFICATE-----\n"
                              "MIICETCCAZagAwIBAgIRAPkxdWgbkK/hHUbMtOTn+FYwCgYIKoZIzj0EAwMwSTEL\n"
                              "MAkGA1UEBhMCVVMxDzANBgNVBAoMBkFtYXpvbjEMMAoGA1UECwwDQVdTMRswGQYD\n"
                              "VQQDDBJhd3Mubml0cm8tZW5jbGF2ZXMwHhcNMTkxMDI4MTMyODA1WhcNNDkxMDI4\n"
                              "MTQyODA1WjBJMQswCQYDVQQGEwJVUzEPMA0GA1UECgwGQW1hem9uMQwwCgYDVQQL\n"
                              "DANBV1MxGzAZBgNVBAMMEmF3cy5uaXRyby1lbmNsYXZlczB2MBAGByqGSM49AgEG\n"
                              "BSuBBAAiA2IABPwCVOumCMHzaHDimtqQvkY4MpJzbolL//Zy2YlES1BR5TSksfbb\n"
                              "48C8WBoyt7F2Bw7eEtaaP+ohG2bnUs990d0JX28TcPQXCEPZ3BABIeTPYwEoCWZE\n"
                              "h8l5YoQwTcU/9KNCMEAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUkCW1DdkF\n"
                              "R+eWw5b6cp3PmanfS5YwDgYDVR0PAQH/BAQDAgGGMAoGCCqGSM49BAMDA2kAMGYC\n"
                              "MQCjfy+Rocm9Xue4YnwWmNJVA44fA0P5W2OpYow9OYCVRaEevL8uO1XYru5xtMPW\n"
                              "rfMCMQCi85sWBbJwKKXdS6BptQFuZbT73o/gBh1qUxl/nNr12UO8Yfwr6wPLb+6N\n"
                              "IwLz3/Y=\n"
                              "-----END CERTIFICATE-----\n";

static void certificate_register(void **state)
{
    (void)state;
    uint8_t pcr[VSA_PCR_SIZE];
    struct vsa_error error = {0};
    assert_int_equal(vsa_image_measure_certificate(vsa_slice_of_text(root_g1), pcr, NULL), VSA_OK);
    assert_pcr(pcr, "df3a0511a411c6a5628d91a189a052d281dec8153ffecde6bdc1a059825c32e4"
                    "bfb7fc95b367564a64812a8795af8f8a");
    /* DER: the register would be the same, but nitro-cli would not take the file. */
    static const uint8_t der[] = {0x30, 0x03, 0x02, 0x01, 0x00};
    assert_int_equal(vsa_image_measure_certificate(vsa_slice_of(der, sizeof(der)), pcr, &error),
                     VSA_ERR_CERTIFICATE_SYNTAX);
    assert_non_null(strstr(error.detail, "must be PEM"));
    assert_int_equal(vsa_image_measure_certificate(vsa_slice_of_text("nonsense"), pcr, &error),
                     VSA_ERR_CERTIFICATE_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answer),         cmocka_unit_test(ramdisks_are_measured_in_a_row),
        cmocka_unit_test(incomplete_images),    cmocka_unit_test(formula),
        cmocka_unit_test(certificate_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
