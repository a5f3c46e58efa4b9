/* SPDX-License-Identifier: Apache-2.0 */
#include "image/description.h"

#include <stdio.h>
#include <time.h>

#include "base/error.h"
#include "image/metadata.h"
#include "image/signature.h"
#include "x509/description.h"
#include "x509/parse.h"
#include "json/writer.h"

static void put_pcr(struct vsa_json_writer *writer, const char *key,
                    const uint8_t pcr[VSA_PCR_SIZE])
{
    vsa_json_put(writer, key, vsa_json_hex(vsa_slice_of(pcr, VSA_PCR_SIZE)));
}

json_t *vsa_image_measurements_json(const struct vsa_image_measurements *measurements)
{
    struct vsa_json_writer writer = vsa_json_object();
    /* What Rust's Debug makes of AWS's hasher; nitro-cli prints it, so others may look for it. */
    vsa_json_put(&writer, "HashAlgorithm", json_string("Sha384 { ... }"));
    put_pcr(&writer, "PCR0", measurements->pcr0);
    put_pcr(&writer, "PCR1", measurements->pcr1);
    put_pcr(&writer, "PCR2", measurements->pcr2);
    if (measurements->is_signed)
        put_pcr(&writer, "PCR8", measurements->pcr8);
    return vsa_json_finish(&writer);
}

/* Formats a time as libcrypto's ASN1_TIME_print does: AWS's tool prints that. */
static json_t *certificate_time(int64_t unix_ms)
{
    char text[64];
    struct tm tm;
    time_t seconds = (time_t)(unix_ms / 1000);
    if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%b %e %H:%M:%S %Y GMT", &tm))
        return NULL;
    return json_string(text);
}

/* Makes "30:64:...". */
static json_t *signature_hex(const uint8_t *bytes, size_t size)
{
    char text[3 * VSA_MAX_CERTIFICATE_SIGNATURE + 1] = "";
    for (size_t i = 0; i < size; i++)
        (void)snprintf(text + 3 * i, sizeof(text) - 3 * i, "%02X%s", bytes[i],
                       i + 1 < size ? ":" : "");
    return json_string(text);
}

static json_t *certificate_json(const struct vsa_x509 *fields,
                                const struct vsa_certificate_description *description)
{
    struct vsa_json_writer issuer = vsa_json_object();
    struct vsa_json_writer writer = vsa_json_object();
    for (size_t i = 0; i < description->issuer_count; i++)
        vsa_json_put(&issuer, description->issuer[i].type,
                     json_string(description->issuer[i].value));
    vsa_json_put(&writer, "IssuerName", vsa_json_finish(&issuer));
    vsa_json_put(&writer, "Algorithm", json_string(description->signature_algorithm));
    vsa_json_put(&writer, "NotBefore", certificate_time(fields->not_before_ms));
    vsa_json_put(&writer, "NotAfter", certificate_time(fields->not_after_ms));
    vsa_json_put(&writer, "Signature",
                 signature_hex(description->signature.data, description->signature.size));
    return vsa_json_finish(&writer);
}

static enum vsa_status describe_certificate(struct vsa_slice section, json_t **object,
                                            struct vsa_error *error)
{
    struct vsa_image_signature signature;
    struct vsa_certificate_description description;
    uint8_t buffer[VSA_MAX_IMAGE_CERTIFICATE];
    struct vsa_slice der;
    struct vsa_x509 fields;
    VSA_TRY(vsa_image_signature_read(section, &signature, error));
    VSA_TRY(vsa_image_certificate_from_pem(
        vsa_slice_of(signature.certificate, signature.certificate_size), buffer, sizeof(buffer),
        &der, error));
    VSA_TRY(vsa_x509_parse(der, &fields, error));
    VSA_TRY(vsa_certificate_describe(&fields, &description, error));
    *object = certificate_json(&fields, &description);
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

/* Adds the fields of BuildMetadata, DockerInfo as it is, those of CustomMetadata beside them. */
static void put_metadata(struct vsa_json_writer *writer, struct vsa_slice section,
                         struct vsa_error *unreadable)
{
    VSA_AUTO_JSON json_t *metadata = NULL;
    if (!section.data)
        return;
    enum vsa_status status = vsa_metadata_read(section, &metadata, unreadable);
    if (status != VSA_OK) {
        writer->failed = writer->failed || status == VSA_ERR_MEMORY;
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

/* Checks the signature: one that does not hold is described, one that is malformed is not. */
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
                          bool signature_holds, struct vsa_error *unreadable)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "EifVersion", json_integer(image->version));
    vsa_json_put(&writer, "Measurements", vsa_image_measurements_json(measurements));
    vsa_json_put(&writer, "IsSigned", json_boolean(measurements->is_signed));
    if (measurements->is_signed)
        vsa_json_put(&writer, "SigningCertificate", json_incref(certificate));
    /* An image with another CRC is not read at all. */
    vsa_json_put(&writer, "CheckCRC", json_true());
    if (measurements->is_signed)
        vsa_json_put(&writer, "SignatureCheck", json_boolean(signature_holds));
    put_metadata(&writer, vsa_image_find(image, VSA_IMAGE_METADATA), unreadable);
    return vsa_json_finish(&writer);
}

enum vsa_status vsa_image_describe(const struct vsa_image *image, int64_t now_ms,
                                   struct vsa_image_description *description,
                                   struct vsa_error *error)
{
    struct vsa_image_measurements measurements;
    struct vsa_error verdict = {.status = VSA_OK};
    struct vsa_error unreadable = {.status = VSA_OK};
    VSA_AUTO_JSON json_t *certificate = NULL;
    VSA_TRY(vsa_image_measure(image, &measurements, error));
    if (measurements.is_signed) {
        VSA_TRY(check_signature(image, now_ms, &verdict, error));
        VSA_TRY(
            describe_certificate(vsa_image_find(image, VSA_IMAGE_SIGNATURE), &certificate, error));
    }
    json_t *json =
        image_json(image, &measurements, certificate, verdict.status == VSA_OK, &unreadable);
    if (!json)
        return vsa_fail_memory(error);
    *description = (struct vsa_image_description){json, verdict, unreadable};
    return VSA_OK;
}
