/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_image describe: what an image is, as `nitro-cli describe-eif` prints it. */
#include <time.h>

#include "base/error.h"
#include "base/time_text.h"
#include "crypto/description.h"
#include "image/metadata.h"
#include "image/signature.h"
#include "programs/enclave_image/command.h"
#include "programs/output.h"
#include "json/writer.h"

enum { KEY_AT = OPTION_KEY_PROGRAM };

static const struct program_option options[] = {
    {"at", KEY_AT, "TIME", "check the signing certificate's validity then; default: now", false},
    OPTION_ROW_HELP,
    OPTION_ROWS_END,
};

static enum vsa_status take(void *arguments, int key, const char *value, struct vsa_error *error)
{
    struct image_signer *time = arguments;
    (void)key;
    time->has_time = true;
    return vsa_time_parse(value, &time->time_ms, error);
}

static enum vsa_status read_arguments(struct image_call *call, struct image_signer *time,
                                      const char **path, struct vsa_error *error)
{
    struct option_operands operands;
    VSA_TRY(image_read_options(call, &image_describe_command, &operands, time, error));
    if (call->done)
        return VSA_OK;
    VSA_TRY(image_take_file(&operands, path, error));
    call->arguments_read = true;
    return VSA_OK;
}

/* libcrypto's ASN1_TIME_print: what AWS's tool prints. */
static json_t *certificate_time(int64_t unix_ms)
{
    char text[64];
    struct tm tm;
    time_t seconds = (time_t)(unix_ms / 1000);
    if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%b %e %H:%M:%S %Y GMT", &tm))
        return NULL;
    return json_string(text);
}

/* "30:64:..." */
static json_t *signature_hex(const uint8_t *bytes, size_t size)
{
    char text[3 * VSA_MAX_CERTIFICATE_SIGNATURE + 1] = "";
    for (size_t i = 0; i < size; i++)
        (void)snprintf(text + 3 * i, sizeof(text) - 3 * i, "%02X%s", bytes[i],
                       i + 1 < size ? ":" : "");
    return json_string(text);
}

static json_t *certificate_json(const struct vsa_certificate *certificate,
                                const struct vsa_certificate_description *description)
{
    struct vsa_json_writer issuer = vsa_json_object();
    struct vsa_json_writer writer = vsa_json_object();
    for (size_t i = 0; i < description->issuer_count; i++)
        vsa_json_put(&issuer, description->issuer[i].type,
                     json_string(description->issuer[i].value));
    vsa_json_put(&writer, "IssuerName", vsa_json_finish(&issuer));
    vsa_json_put(&writer, "Algorithm", json_string(description->signature_algorithm));
    vsa_json_put(&writer, "NotBefore", certificate_time(certificate->not_before_ms));
    vsa_json_put(&writer, "NotAfter", certificate_time(certificate->not_after_ms));
    vsa_json_put(&writer, "Signature",
                 signature_hex(description->signature, description->signature_size));
    return vsa_json_finish(&writer);
}

static enum vsa_status describe_certificate(struct vsa_slice section, json_t **object,
                                            struct vsa_error *error)
{
    struct vsa_image_signature signature;
    struct vsa_certificate_description description;
    uint8_t buffer[VSA_MAX_IMAGE_CERTIFICATE];
    struct vsa_slice der;
    VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *certificate = NULL;
    VSA_TRY(vsa_image_signature_read(section, &signature, error));
    VSA_TRY(vsa_image_certificate_from_pem(
        vsa_slice_of(signature.certificate, signature.certificate_size), buffer, sizeof(buffer),
        &der, error));
    VSA_TRY(vsa_certificate_parse(der, &certificate, error));
    VSA_TRY(vsa_certificate_describe(certificate, &description, error));
    *object = certificate_json(certificate, &description);
    return VSA_OK;
}

static void put_copy(struct vsa_json_writer *writer, const json_t *from, const char *key)
{
    json_t *value = json_object_get(from, key);
    if (value)
        vsa_json_put(writer, key, json_incref(value));
}

static void put_members(struct vsa_json_writer *writer, json_t *from)
{
    const char *key;
    json_t *value;
    json_object_foreach(from, key, value)
    {
        vsa_json_put(writer, key, json_incref(value));
    }
}

/* Adds the fields of BuildMetadata, DockerInfo as it is, and those of CustomMetadata beside them.
 */
static void put_metadata(struct vsa_json_writer *writer, struct vsa_slice section)
{
    VSA_AUTO_JSON json_t *metadata = NULL;
    struct vsa_error error;
    if (!section.data)
        return;
    enum vsa_status status = vsa_metadata_read(section, &metadata, &error);
    if (status == VSA_ERR_MEMORY) {
        writer->failed = true;
        return;
    }
    if (status != VSA_OK) {
        /* The hypervisor does not read it, and no register is over it. */
        (void)fprintf(stderr, "%s: warning: %s: nitro-cli cannot run this image\n", IMAGE_PROGRAM,
                      error.detail);
        return;
    }
    struct vsa_json_writer flat = vsa_json_object();
    put_copy(writer, metadata, "ImageName");
    put_copy(writer, metadata, "ImageVersion");
    put_members(&flat, json_object_get(metadata, "CustomMetadata"));
    put_members(&flat, json_object_get(metadata, "BuildMetadata"));
    put_copy(&flat, metadata, "DockerInfo");
    vsa_json_put(writer, "Metadata", vsa_json_finish(&flat));
}

/* A signature that does not hold is part of the description; one that is malformed is not. */
static enum vsa_status check_signature(const struct vsa_image *image, int64_t now_ms,
                                       struct vsa_error *verdict, struct vsa_error *error)
{
    enum vsa_status status = vsa_image_verify_signature(image, now_ms, verdict);
    if (status == VSA_OK || vsa_status_class(status) == VSA_CLASS_TRUST)
        return VSA_OK;
    *error = *verdict;
    return status;
}

static json_t *image_json(const struct vsa_image *image,
                          const struct vsa_image_measurements *measurements, json_t *certificate,
                          bool signature_holds)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "EifVersion", json_integer(image->version));
    vsa_json_put(&writer, "Measurements", image_measurements_json(measurements));
    vsa_json_put(&writer, "IsSigned", json_boolean(measurements->is_signed));
    if (measurements->is_signed)
        vsa_json_put(&writer, "SigningCertificate", json_incref(certificate));
    /* An image with another CRC is not read at all. */
    vsa_json_put(&writer, "CheckCRC", json_true());
    if (measurements->is_signed)
        vsa_json_put(&writer, "SignatureCheck", json_boolean(signature_holds));
    put_metadata(&writer, vsa_image_find(image, VSA_IMAGE_METADATA));
    return vsa_json_finish(&writer);
}

static enum vsa_status describe(const struct vsa_image *image, int64_t now_ms,
                                struct vsa_error *error)
{
    struct vsa_image_measurements measurements;
    struct vsa_error verdict = {.status = VSA_OK};
    VSA_AUTO_JSON json_t *certificate = NULL;
    VSA_TRY(vsa_image_measure(image, &measurements, error));
    if (measurements.is_signed) {
        VSA_TRY(check_signature(image, now_ms, &verdict, error));
        VSA_TRY(
            describe_certificate(vsa_image_find(image, VSA_IMAGE_SIGNATURE), &certificate, error));
    }
    json_t *object = image_json(image, &measurements, certificate, verdict.status == VSA_OK);
    VSA_TRY(output_json(object, error));
    if (verdict.status != VSA_OK)
        *error = verdict;
    return verdict.status;
}

static enum vsa_status run(struct image_call *call, struct vsa_error *error)
{
    const char *path = NULL;
    struct image_signer time = {.has_time = false};
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    struct vsa_image image;
    VSA_TRY(read_arguments(call, &time, &path, error));
    if (call->done)
        return VSA_OK;
    VSA_TRY(image_load(path, &file, IMAGE_ANY_DEVIATION, &image, error));
    return describe(&image, image_signer_time(&time), error);
}

const struct image_command image_describe_command = {
    .name = "describe",
    .summary = "print what an image holds, after checking it",
    .options =
        {
            .usage =
                "Usage: enclave_image describe [--at TIME] FILE\n"
                "\n"
                "Checks an enclave image (form, CRC, signature) and describes it as JSON, in the\n"
                "fields of `nitro-cli describe-eif`. Exits 1 if the signature does not hold.\n"
                "\n",
            .groups = {{NULL, options}},
            .take = take,
        },
    .run = run,
};
