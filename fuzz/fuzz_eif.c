/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enclave images and signature sections. What parses is written again to the same bytes. The seeds
 * come from `enclave_image build` and `extract`.
 */
#include <string.h>

#include "fuzz.h"
#include "image/signature.h"
#include "repair_crc.h"

#define NOW_MS INT64_C(1767225600000)

static void check_image(struct vsa_slice bytes)
{
    struct vsa_image image;
    struct vsa_image_measurements measurements;
    unsigned deviations = 0;
    if (vsa_image_parse_as_aws(bytes, &image, &deviations, NULL) == VSA_OK) {
        (void)!vsa_image_measure(&image, &measurements, NULL);
        FUZZ_REQUIRE((deviations == 0) == (vsa_image_parse(bytes, &image, NULL) == VSA_OK));
    }
    if (vsa_image_parse(bytes, &image, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(vsa_image_size(&image) == bytes.size);
    uint8_t *buffer = malloc(bytes.size);
    struct vsa_slice written;
    FUZZ_REQUIRE(buffer);
    FUZZ_REQUIRE(vsa_image_write(&image, buffer, bytes.size, &written, NULL) == VSA_OK);
    FUZZ_REQUIRE(written.size == bytes.size);
    FUZZ_REQUIRE(memcmp(written.data, bytes.data, bytes.size) == 0);
    free(buffer);
    enum vsa_status measured = vsa_image_measure(&image, &measurements, NULL);
    FUZZ_REQUIRE(measured == VSA_OK || vsa_image_find(&image, VSA_IMAGE_SIGNATURE).data);
    if (vsa_image_verify_signature(&image, NOW_MS, NULL) == VSA_OK)
        FUZZ_REQUIRE(measured == VSA_OK && measurements.is_signed);
}

/* With the right CRC, which no mutation would find. */
static void check_repaired_image(const uint8_t *data, size_t size)
{
    uint8_t *copy = copy_with_crc(data, size);
    check_image(vsa_slice_of(copy, size));
    free(copy);
}

static void check_signature(struct vsa_slice section)
{
    static struct vsa_image_signature signature;
    static const uint8_t zero[VSA_PCR_SIZE];
    static uint8_t buffer[VSA_MAX_IMAGE_SIGNATURE * 2];
    struct vsa_slice written;
    (void)!vsa_image_payload_check(section, zero, NULL);
    if (vsa_image_signature_read(section, &signature, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(signature.certificate_size <= sizeof(signature.certificate));
    FUZZ_REQUIRE(signature.sign1_size <= sizeof(signature.sign1));
    FUZZ_REQUIRE(
        vsa_image_signature_write(vsa_slice_of(signature.certificate, signature.certificate_size),
                                  vsa_slice_of(signature.sign1, signature.sign1_size), buffer,
                                  sizeof(buffer), &written, NULL) == VSA_OK);
    FUZZ_REQUIRE(written.size == section.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_slice bytes = vsa_slice_of(data, size);
    check_image(bytes);
    if (size >= HEADER_SIZE)
        check_repaired_image(data, size);
    check_signature(bytes);
    return 0;
}
