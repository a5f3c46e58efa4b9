/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "crypto/digest.h"
#include "image/check.h"
#include "image/signature.h"

/*
 * Computes PCRn = SHA384(48 zero bytes || SHA384(contents)):
 * a register extended once with a digest.
 */
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

/* What each register is over, in file order, as AWS's code has it; section data only. */
struct contents {
    struct vsa_slice all[VSA_MAX_IMAGE_SECTIONS];  /* kernel, command line, ramdisks */
    struct vsa_slice boot[VSA_MAX_IMAGE_SECTIONS]; /* kernel, command line, first ramdisk */
    struct vsa_slice app[VSA_MAX_IMAGE_SECTIONS];  /* the other ramdisks */
    size_t count, boot_count, app_count;
};

static struct contents collect(const struct vsa_image *image)
{
    struct contents contents = {.count = 0};
    bool has_ramdisk = false;
    for (size_t i = 0; i < image->section_count; i++) {
        const struct vsa_image_section *section = &image->sections[i];
        if (section->type == VSA_IMAGE_SIGNATURE || section->type == VSA_IMAGE_METADATA)
            continue;
        contents.all[contents.count++] = section->data;
        if (section->type == VSA_IMAGE_RAMDISK && has_ramdisk)
            contents.app[contents.app_count++] = section->data;
        else
            contents.boot[contents.boot_count++] = section->data;
        has_ramdisk = has_ramdisk || section->type == VSA_IMAGE_RAMDISK;
    }
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
    unsigned tolerated = 0;
    VSA_TRY(vsa_image_check(image, &tolerated, error));
    struct contents contents = collect(image);
    struct vsa_image_measurements measured = {.is_signed = false};
    VSA_TRY(extend_zero(contents.all, contents.count, measured.pcr0, error));
    VSA_TRY(extend_zero(contents.boot, contents.boot_count, measured.pcr1, error));
    VSA_TRY(extend_zero(contents.app, contents.app_count, measured.pcr2, error));
    VSA_TRY(measure_signer(image, &measured, error));
    *measurements = measured;
    return VSA_OK;
}
