/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_image/command.h"

#include "base/error.h"
#include "base/slice.h"
#include "clock/wall_clock.h"
#include "command_line/output.h"
#include "crypto/key.h"
#include "image/description.h"
#include "json/writer.h"

enum vsa_status image_take_file(struct image_call *call, const struct option_operands *operands,
                                const char **path, struct vsa_error *error)
{
    if (operands->count != 1)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        operands->count ? "one image at a time"
                                        : "which image? Give its file name");
    *path = operands->words[0];
    call->arguments_read = true;
    return VSA_OK;
}

enum vsa_status image_read_file(const char *option, const char *path, size_t limit,
                                struct vsa_whole_file *bytes, struct vsa_error *error)
{
    vsa_whole_file_close(bytes);
    enum vsa_status status = vsa_whole_file_read(path, limit, bytes, error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "--%s", option);
    return status;
}

enum vsa_status image_load(const char *path, struct vsa_whole_file *file, unsigned tolerated,
                           struct vsa_image *image, struct vsa_error *error)
{
    unsigned deviations = 0;
    VSA_TRY(vsa_whole_file_open(path, file, error));
    struct vsa_slice bytes = vsa_whole_file_slice(file);
    enum vsa_status status = vsa_image_parse_as_aws(bytes, image, &deviations, error);
    /* Of what is wrong and may not be, the other parser makes the error. */
    if (status == VSA_OK && (deviations & ~tolerated))
        status = vsa_image_parse(bytes, image, error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "%.100s", path);
    for (unsigned bit = 1; status == VSA_OK && bit && bit <= deviations; bit <<= 1)
        if (deviations & bit)
            (void)fprintf(stderr, "%s: warning: %s: %s\n", IMAGE_PROGRAM, path,
                          vsa_image_deviation_text((enum vsa_image_deviation)bit));
    return status;
}

enum vsa_status image_store(const struct vsa_image *image, const char *path,
                            struct vsa_error *error)
{
    struct vsa_image_parts parts;
    VSA_TRY(vsa_image_write_parts(image, &parts, error));
    return vsa_whole_file_write(path, VSA_FILE_PUBLIC, parts.parts, parts.count, error);
}

void image_signer_free(struct image_signer *signer)
{
    vsa_whole_file_close(&signer->certificate);
    vsa_wipe(signer->private_key.data, signer->private_key.size);
    vsa_whole_file_close(&signer->private_key);
    vsa_whole_file_close(&signer->signature);
}

int64_t image_signer_time(const struct image_signer *signer)
{
    return signer->has_time ? signer->time_ms : vsa_wall_clock_ms();
}

enum vsa_status image_sign_with(struct vsa_image *image, const struct image_signer *signer,
                                struct vsa_whole_file *section, struct vsa_error *error)
{
    vsa_whole_file_close(section);
    section->data = malloc(VSA_MAX_IMAGE_SIGNATURE);
    section->size = VSA_MAX_IMAGE_SIGNATURE;
    if (!section->data)
        return vsa_fail_memory(error);
    struct vsa_slice signature = {NULL, 0};
    struct vsa_slice certificate = vsa_whole_file_slice(&signer->certificate);
    bool is_signed = signer->signature.data != NULL;
    struct vsa_slice secret =
        vsa_whole_file_slice(is_signed ? &signer->signature : &signer->private_key);
    VSA_TRY((is_signed ? vsa_image_sign_with
                       : vsa_image_sign)(image, certificate, secret, image_signer_time(signer),
                                         section->data, section->size, &signature, error));
    return vsa_image_add(image, VSA_IMAGE_SIGNATURE, signature, error);
}

enum vsa_status image_print_measurements(const struct vsa_image *image, struct vsa_error *error)
{
    struct vsa_image_measurements measurements;
    VSA_TRY(vsa_image_measure(image, &measurements, error));
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "Measurements", vsa_image_measurements_json(&measurements));
    return output_json(vsa_json_finish(&writer), error);
}
