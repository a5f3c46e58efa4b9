/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "cose/sign1.h"
#include "image/signature.h"
#include "x509/certificate.h"

static const char rule_signing[] = "AWS EIF, signature section";

/* DER SubjectPublicKeyInfo of a P-521 key has 158 bytes. */
#define MAX_SPKI 256

static enum vsa_status parse_certificate(struct vsa_slice pem, struct vsa_certificate **certificate,
                                         struct vsa_error *error)
{
    uint8_t buffer[VSA_MAX_IMAGE_CERTIFICATE];
    struct vsa_slice der;
    VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *parsed = NULL;
    VSA_TRY(vsa_image_certificate_from_pem(pem, buffer, sizeof(buffer), &der, error));
    VSA_TRY(vsa_certificate_parse(der, NULL, &parsed, error));
    if (!parsed->key)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_PROFILE, VSA_NO_OFFSET, rule_signing,
                           "the signing certificate's key is not on P-256, P-384 or P-521");
    *certificate = parsed;
    parsed = NULL;
    return VSA_OK;
}

static enum vsa_status check_validity(const struct vsa_certificate *certificate, int64_t now_ms,
                                      struct vsa_error *error)
{
    char limit[VSA_TIME_TEXT_SIZE];
    if (now_ms < certificate->fields.not_before_ms) {
        vsa_time_format(certificate->fields.not_before_ms, limit, sizeof(limit));
        return vsa_fail_at(error, VSA_ERR_NOT_YET_VALID, VSA_NO_OFFSET, rule_signing,
                           "the signing certificate is not valid before %s", limit);
    }
    if (now_ms > certificate->fields.not_after_ms) {
        vsa_time_format(certificate->fields.not_after_ms, limit, sizeof(limit));
        return vsa_fail_at(error, VSA_ERR_EXPIRED, VSA_NO_OFFSET, rule_signing,
                           "the signing certificate expired at %s", limit);
    }
    return VSA_OK;
}

static enum vsa_status check_key_belongs(const struct vsa_certificate *certificate,
                                         const struct vsa_key *key, struct vsa_error *error)
{
    uint8_t ours[MAX_SPKI];
    uint8_t theirs[MAX_SPKI];
    struct vsa_slice spki[2];
    VSA_TRY(vsa_key_write_public(key, ours, sizeof(ours), &spki[0], error));
    VSA_TRY(vsa_key_write_public(certificate->key, theirs, sizeof(theirs), &spki[1], error));
    if (!vsa_slice_equal(spki[0], spki[1]))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "the private key does not belong to the signing certificate");
    return VSA_OK;
}

static enum vsa_status write_payload(const struct vsa_image *image, uint8_t *buffer,
                                     struct vsa_slice *payload, struct vsa_error *error)
{
    struct vsa_image_measurements measurements;
    VSA_TRY(vsa_image_measure(image, &measurements, error));
    return vsa_image_payload_write(measurements.pcr0, buffer, VSA_MAX_IMAGE_PAYLOAD, payload,
                                   error);
}

/* Prepares either way of signing. `payload` borrows `buffer`. */
static enum vsa_status prepare(const struct vsa_image *image, struct vsa_slice certificate_pem,
                               int64_t now_ms, struct vsa_certificate **certificate,
                               uint8_t buffer[VSA_MAX_IMAGE_PAYLOAD], struct vsa_slice *payload,
                               struct vsa_error *error)
{
    if (vsa_image_find(image, VSA_IMAGE_SIGNATURE).data)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the image has a signature");
    if (vsa_image_pem_has_chain(certificate_pem))
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, VSA_NO_OFFSET, rule_signing,
                           "more than one certificate, of which the first alone would count: keep "
                           "that one, with openssl x509 -in FILE");
    VSA_TRY(parse_certificate(certificate_pem, certificate, error));
    VSA_TRY(check_validity(*certificate, now_ms, error));
    return write_payload(image, buffer, payload, error);
}

enum vsa_status vsa_image_sign(const struct vsa_image *image, struct vsa_slice certificate_pem,
                               struct vsa_slice private_key, int64_t now_ms, void *buffer,
                               size_t capacity, struct vsa_slice *section, struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *certificate = NULL;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    uint8_t payload_buffer[VSA_MAX_IMAGE_PAYLOAD];
    uint8_t sign1_buffer[VSA_MAX_IMAGE_SIGN1];
    struct vsa_slice payload;
    struct vsa_slice sign1;
    VSA_TRY(prepare(image, certificate_pem, now_ms, &certificate, payload_buffer, &payload, error));
    VSA_TRY(vsa_key_read_private(private_key, &key, error));
    VSA_TRY(check_key_belongs(certificate, key, error));
    VSA_TRY(
        vsa_cose_sign1_sign(key, NULL, payload, sign1_buffer, sizeof(sign1_buffer), &sign1, error));
    return vsa_image_signature_write(certificate_pem, sign1, buffer, capacity, section, error);
}

enum vsa_status vsa_image_to_be_signed(const struct vsa_image *image,
                                       struct vsa_slice certificate_pem, int64_t now_ms,
                                       void *buffer, size_t capacity, struct vsa_slice *bytes,
                                       struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *certificate = NULL;
    uint8_t payload_buffer[VSA_MAX_IMAGE_PAYLOAD];
    struct vsa_slice payload;
    VSA_TRY(prepare(image, certificate_pem, now_ms, &certificate, payload_buffer, &payload, error));
    return vsa_cose_sign1_to_be_signed(vsa_key_curve(certificate->key), payload, buffer, capacity,
                                       bytes, error);
}

enum vsa_status vsa_image_sign_with(const struct vsa_image *image, struct vsa_slice certificate_pem,
                                    struct vsa_slice signature, int64_t now_ms, void *buffer,
                                    size_t capacity, struct vsa_slice *section,
                                    struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *certificate = NULL;
    uint8_t payload_buffer[VSA_MAX_IMAGE_PAYLOAD];
    uint8_t sign1_buffer[VSA_MAX_IMAGE_SIGN1];
    uint8_t raw[VSA_MAX_SIGNATURE_SIZE];
    struct vsa_slice payload;
    struct vsa_slice bytes;
    struct vsa_cose_sign1 sign1;
    VSA_TRY(prepare(image, certificate_pem, now_ms, &certificate, payload_buffer, &payload, error));
    enum vsa_curve curve = vsa_key_curve(certificate->key);
    VSA_TRY(vsa_key_read_signature(certificate->key, signature, raw, error));
    VSA_TRY(vsa_cose_sign1_write(curve, payload, raw, sign1_buffer, sizeof(sign1_buffer), &bytes,
                                 error));
    VSA_TRY(vsa_cose_sign1_parse(bytes, vsa_cose_algorithm_of(curve), &sign1, error));
    VSA_TRY(vsa_cose_sign1_verify(&sign1, (struct vsa_slice){0}, certificate->key, error));
    return vsa_image_signature_write(certificate_pem, bytes, buffer, capacity, section, error);
}

enum vsa_status vsa_image_verify_signature(const struct vsa_image *image, int64_t now_ms,
                                           struct vsa_error *error)
{
    struct vsa_slice section = vsa_image_find(image, VSA_IMAGE_SIGNATURE);
    if (!section.data)
        return vsa_fail_at(error, VSA_ERR_FIELD_MISSING, VSA_NO_OFFSET, rule_signing,
                           "the image is not signed");
    struct vsa_image_signature signature;
    struct vsa_image_measurements measurements;
    struct vsa_cose_sign1 sign1;
    VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *certificate = NULL;
    VSA_TRY(vsa_image_signature_read(section, &signature, error));
    VSA_TRY(parse_certificate(vsa_slice_of(signature.certificate, signature.certificate_size),
                              &certificate, error));
    VSA_TRY(vsa_cose_sign1_parse(vsa_slice_of(signature.sign1, signature.sign1_size),
                                 vsa_cose_algorithm_of(vsa_key_curve(certificate->key)), &sign1,
                                 error));
    VSA_TRY(vsa_cose_sign1_verify(&sign1, (struct vsa_slice){0}, certificate->key, error));
    VSA_TRY(vsa_image_measure(image, &measurements, error));
    VSA_TRY(vsa_image_payload_check(sign1.payload, measurements.pcr0, error));
    return check_validity(certificate, now_ms, error);
}
