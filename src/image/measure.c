/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "crypto/digest.h"
#include "image/check.h"
#include "image/signature.h"

/* PCRn = SHA384(48 zero bytes || SHA384(contents)): a register extended once with a digest. */
static enum vsa_status extend_zero(const struct vsa_slice *parts, size_t count,
                                   uint8_t pcr[VSA_PCR_SIZE], struct vsa_error *error)
{
    static const uint8_t zero[VSA_PCR_SIZE];
    uint8_t digest[VSA_SHA384_SIZE];
    VSA_TRY(vsa_sha384(parts, count, digest, error));
    struct vsa_slice extended[2] = {
        vsa_slice_of(zero, sizeof(zero)),
        vsa_slice_of(digest, sizeof(digest)),
    };
    return vsa_sha384(extended, 2, pcr, error);
}

enum vsa_status vsa_image_measure_bytes(struct vsa_slice bytes, uint8_t pcr[VSA_PCR_SIZE],
                                        struct vsa_error *error)
{
    return extend_zero(&bytes, 1, pcr, error);
}

enum vsa_status vsa_image_measure_certificate(struct vsa_slice pem, uint8_t pcr[VSA_PCR_SIZE],
                                              struct vsa_error *error)
{
    uint8_t buffer[VSA_MAX_IMAGE_SIGNATURE];
    struct vsa_slice der;
    VSA_TRY(vsa_image_certificate_from_pem(pem, buffer, sizeof(buffer), &der, error));
    return vsa_image_measure_bytes(der, pcr, error);
}

/* What each register is over, in file order; section data only. */
struct contents {
    struct vsa_slice all[VSA_MAX_IMAGE_SECTIONS]; /* kernel, command line, ramdisks */
    size_t count;
    size_t boot_count; /* how many of them, from the start, are in PCR1 */
};

static struct contents collect(const struct vsa_image *image)
{
    struct contents contents = {.count = 0};
    for (size_t i = 0; i < image->section_count; i++) {
        const struct vsa_image_section *section = &image->sections[i];
        if (section->type == VSA_IMAGE_SIGNATURE || section->type == VSA_IMAGE_METADATA)
            continue;
        contents.all[contents.count++] = section->data;
    }
    /* vsa_image_check() has seen to it: one kernel, one command line, then ramdisks. */
    contents.boot_count = 3;
    return contents;
}

static enum vsa_status measure_signer(const struct vsa_image *image,
                                      struct vsa_image_measurements *measurements,
                                      struct vsa_error *error)
{
    struct vsa_slice section = vsa_image_find(image, VSA_IMAGE_SIGNATURE);
    if (!section.data)
        return VSA_OK;
    struct vsa_image_signature signature;
    VSA_TRY(vsa_image_signature_read(section, &signature, error));
    VSA_TRY(vsa_image_measure_certificate(
        vsa_slice_of(signature.certificate, signature.certificate_size), measurements->pcr8,
        error));
    measurements->is_signed = true;
    return VSA_OK;
}

enum vsa_status vsa_image_measure(const struct vsa_image *image,
                                  struct vsa_image_measurements *measurements,
                                  struct vsa_error *error)
{
    VSA_TRY(vsa_image_check(image, error));
    struct contents contents = collect(image);
    struct vsa_image_measurements measured = {.is_signed = false};
    VSA_TRY(extend_zero(contents.all, contents.count, measured.pcr0, error));
    VSA_TRY(extend_zero(contents.all, contents.boot_count, measured.pcr1, error));
    VSA_TRY(extend_zero(contents.all + contents.boot_count, contents.count - contents.boot_count,
                        measured.pcr2, error));
    VSA_TRY(measure_signer(image, &measured, error));
    *measurements = measured;
    return VSA_OK;
}
