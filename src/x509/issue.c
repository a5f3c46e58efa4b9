/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/issue.h"

#include <string.h>

#include "base/error.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "der/writer.h"
#include "x509/name.h"

#define MAX_SERIAL 20 /* RFC 5280 section 4.1.2.2 */
/* RFC 7093 section 2 (1): the first 160 bits of SHA-256 of the public key. */
#define KEY_IDENTIFIER_SIZE 20
/* DER SubjectPublicKeyInfo of a P-521 key has 158 bytes. */
#define MAX_SPKI 256

/* What stands in every certificate of one call. */
struct issuing {
    struct vsa_builder builder;
    const struct vsa_certificate_template *wanted;
    const struct vsa_certificate *issuer; /* NULL: itself */
    const struct vsa_key *issuer_key;
    struct vsa_slice spki; /* of the subject's key */
    size_t point_size;
};

static size_t open_sequence(struct issuing *issuing)
{
    return vsa_der_open(&issuing->builder, VSA_DER_SEQUENCE);
}

static void close_element(struct issuing *issuing, size_t opened)
{
    vsa_der_close(&issuing->builder, opened);
}

/* Writes ecdsa-with-SHA256, -SHA384 or -SHA512, without parameters. */
static void write_algorithm(struct issuing *issuing)
{
    static const uint8_t last[] = {
        [VSA_CURVE_P256] = 2, [VSA_CURVE_P384] = 3, [VSA_CURVE_P521] = 4};
    uint8_t oid[] = {0x2a, 0x86, 0x48, 0xce,
                     0x3d, 0x04, 0x03, last[vsa_key_curve(issuing->issuer_key)]};
    size_t sequence = open_sequence(issuing);
    vsa_der_write(&issuing->builder, VSA_DER_OID, vsa_slice_of(oid, sizeof(oid)));
    close_element(issuing, sequence);
}

/* Counts the characters of UTF-8 text. */
static size_t characters(struct vsa_slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += (text.data[i] & 0xc0) != 0x80;
    return count;
}

/* Writes one part: C becomes a PrintableString, the rest UTF8Strings, as in Nitro's names. */
static enum vsa_status write_name_part(struct issuing *issuing, const struct vsa_name_part *part,
                                       struct vsa_error *error)
{
    const struct vsa_name_type *type = vsa_name_type_named(part->type);
    struct vsa_slice value = vsa_slice_of_text(part->value);
    if (!type || !value.size || !vsa_slice_is_utf8(value) || characters(value) > type->most)
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "RFC 5280 appendix A.1",
                           "%s=%.100s cannot be part of a name", part->type, part->value);
    bool is_country = strcmp(part->type, "C") == 0;
    size_t set = vsa_der_open(&issuing->builder, VSA_DER_SET);
    size_t sequence = open_sequence(issuing);
    vsa_der_write(&issuing->builder, VSA_DER_OID, vsa_slice_of(type->oid, type->oid_size));
    vsa_der_write(&issuing->builder, is_country ? VSA_DER_PRINTABLE_STRING : VSA_DER_UTF8_STRING,
                  value);
    close_element(issuing, sequence);
    close_element(issuing, set);
    return VSA_OK;
}

static enum vsa_status write_subject(struct issuing *issuing, struct vsa_error *error)
{
    const struct vsa_name_part *parts = issuing->wanted->subject;
    size_t sequence = open_sequence(issuing);
    for (size_t i = 0; i < VSA_MAX_NAME_PARTS && parts[i].type; i++)
        VSA_TRY(write_name_part(issuing, &parts[i], error));
    close_element(issuing, sequence);
    return VSA_OK;
}

/* --- extensions ------------------------------------------------------------------------------- */

/* An extension that is open: its value is written between the two calls. */
struct opened {
    size_t extension;
    size_t value;
};

static struct opened open_extension(struct issuing *issuing, uint8_t number, bool critical)
{
    const uint8_t oid[] = {0x55, 0x1d, number}; /* id-ce */
    static const uint8_t yes = 0xff;
    struct opened opened;
    opened.extension = open_sequence(issuing);
    vsa_der_write(&issuing->builder, VSA_DER_OID, vsa_slice_of(oid, sizeof(oid)));
    if (critical)
        vsa_der_write(&issuing->builder, VSA_DER_BOOLEAN, vsa_slice_of(&yes, 1));
    opened.value = vsa_der_open(&issuing->builder, VSA_DER_OCTET_STRING);
    return opened;
}

static void close_extension(struct issuing *issuing, struct opened opened)
{
    close_element(issuing, opened.value);
    close_element(issuing, opened.extension);
}

static void write_basic_constraints(struct issuing *issuing)
{
    const struct vsa_certificate_template *wanted = issuing->wanted;
    static const uint8_t yes = 0xff;
    const uint8_t length = (uint8_t)wanted->path_length;
    struct opened opened = open_extension(issuing, 19, wanted->basic_constraints_critical);
    size_t sequence = open_sequence(issuing);
    if (wanted->is_ca)
        vsa_der_write(&issuing->builder, VSA_DER_BOOLEAN, vsa_slice_of(&yes, 1));
    if (wanted->path_length != VSA_NO_PATH_LENGTH)
        vsa_der_write_unsigned(&issuing->builder, vsa_slice_of(&length, 1));
    close_element(issuing, sequence);
    close_extension(issuing, opened);
}

static void write_key_usage(struct issuing *issuing)
{
    if (!issuing->wanted->key_usage)
        return;
    struct opened opened = open_extension(issuing, 15, issuing->wanted->key_usage_critical);
    vsa_der_write_named_bits(&issuing->builder, issuing->wanted->key_usage);
    close_extension(issuing, opened);
}

static enum vsa_status write_subject_identifier(struct issuing *issuing, struct vsa_error *error)
{
    uint8_t digest[32];
    if (!issuing->wanted->subject_key_identifier)
        return VSA_OK;
    struct vsa_slice point = vsa_slice_of(
        issuing->spki.data + issuing->spki.size - issuing->point_size, issuing->point_size);
    VSA_TRY(vsa_sha256(&point, 1, digest, error));
    struct opened opened = open_extension(issuing, 14, false);
    vsa_der_write(&issuing->builder, VSA_DER_OCTET_STRING,
                  vsa_slice_of(digest, KEY_IDENTIFIER_SIZE));
    close_extension(issuing, opened);
    return VSA_OK;
}

static enum vsa_status write_authority_identifier(struct issuing *issuing, struct vsa_error *error)
{
    if (!issuing->wanted->authority_key_identifier)
        return VSA_OK;
    if (!issuing->issuer || !issuing->issuer->fields.subject_key_identifier.data)
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "RFC 5280 section 4.2.1.1",
                           "the issuer has no subject key identifier");
    struct opened opened = open_extension(issuing, 35, false);
    size_t sequence = open_sequence(issuing);
    vsa_der_write(&issuing->builder, VSA_DER_CONTEXT(0),
                  issuing->issuer->fields.subject_key_identifier);
    close_element(issuing, sequence);
    close_extension(issuing, opened);
    return VSA_OK;
}

/* Writes one distribution point with one name, the URI. */
static void write_distribution_point(struct issuing *issuing)
{
    static const unsigned tags[] = {VSA_DER_SEQUENCE, VSA_DER_SEQUENCE,
                                    VSA_DER_CONTEXT_CONSTRUCTED(0), VSA_DER_CONTEXT_CONSTRUCTED(0)};
    size_t levels[4];
    if (!issuing->wanted->crl_distribution_point)
        return;
    struct opened opened = open_extension(issuing, 31, false);
    for (size_t i = 0; i < 4; i++)
        levels[i] = vsa_der_open(&issuing->builder, tags[i]);
    vsa_der_write(&issuing->builder, VSA_DER_CONTEXT(6),
                  vsa_slice_of_text(issuing->wanted->crl_distribution_point));
    for (size_t i = 4; i--;)
        close_element(issuing, levels[i]);
    close_extension(issuing, opened);
}

/* Writes the extensions in the order of Nitro's certificates. */
static enum vsa_status write_extensions(struct issuing *issuing, struct vsa_error *error)
{
    size_t tagged = vsa_der_open(&issuing->builder, VSA_DER_CONTEXT_CONSTRUCTED(3));
    size_t sequence = open_sequence(issuing);
    write_basic_constraints(issuing);
    if (issuing->wanted->key_usage_first) {
        write_key_usage(issuing);
        VSA_TRY(write_subject_identifier(issuing, error));
        VSA_TRY(write_authority_identifier(issuing, error));
    } else {
        VSA_TRY(write_authority_identifier(issuing, error));
        VSA_TRY(write_subject_identifier(issuing, error));
        write_key_usage(issuing);
    }
    write_distribution_point(issuing);
    close_element(issuing, sequence);
    close_element(issuing, tagged);
    return VSA_OK;
}

/* --- the certificate -------------------------------------------------------------------------- */

static enum vsa_status write_tbs(struct issuing *issuing, struct vsa_error *error)
{
    static const uint8_t version_3 = 2;
    const struct vsa_certificate_template *wanted = issuing->wanted;
    struct vsa_builder *builder = &issuing->builder;
    size_t tbs = open_sequence(issuing);
    size_t version = vsa_der_open(builder, VSA_DER_CONTEXT_CONSTRUCTED(0));
    vsa_der_write_unsigned(builder, vsa_slice_of(&version_3, 1));
    close_element(issuing, version);
    vsa_der_write_unsigned(builder, wanted->serial);
    write_algorithm(issuing);
    if (issuing->issuer)
        vsa_builder_append(builder, issuing->issuer->fields.subject);
    else
        VSA_TRY(write_subject(issuing, error));
    size_t validity = open_sequence(issuing);
    vsa_der_write_time(builder, wanted->not_before_ms);
    vsa_der_write_time(builder, wanted->not_after_ms);
    close_element(issuing, validity);
    VSA_TRY(write_subject(issuing, error));
    vsa_builder_append(builder, issuing->spki);
    VSA_TRY(write_extensions(issuing, error));
    close_element(issuing, tbs);
    return VSA_OK;
}

static enum vsa_status write_signature(struct issuing *issuing, struct vsa_slice tbs,
                                       struct vsa_error *error)
{
    uint8_t raw[VSA_MAX_SIGNATURE_SIZE];
    VSA_TRY(vsa_key_sign(issuing->issuer_key, &tbs, 1, raw, error));
    size_t half = vsa_curve_signature_size(vsa_key_curve(issuing->issuer_key)) / 2;
    size_t bits = vsa_der_open(&issuing->builder, VSA_DER_BIT_STRING);
    vsa_builder_append_byte(&issuing->builder, 0);
    size_t pair = open_sequence(issuing);
    vsa_der_write_unsigned(&issuing->builder, vsa_slice_of(raw, half));
    vsa_der_write_unsigned(&issuing->builder, vsa_slice_of(raw + half, half));
    close_element(issuing, pair);
    close_element(issuing, bits);
    return VSA_OK;
}

static enum vsa_status check_serial(struct vsa_slice serial, struct vsa_error *error)
{
    bool positive = serial.size && !vsa_slice_is_zero(serial);
    size_t size = serial.size + (serial.size && serial.data[0] & 0x80 ? 1 : 0);
    if (!positive || size > MAX_SERIAL)
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "RFC 5280 section 4.1.2.2",
                           "a serial number of %zu bytes", serial.size);
    return VSA_OK;
}

/* Requires years that can be written, 1950 to 9999. */
static enum vsa_status check_validity(const struct vsa_certificate_template *wanted,
                                      struct vsa_error *error)
{
    if (wanted->not_before_ms < INT64_C(-631152000000) ||
        wanted->not_after_ms < wanted->not_before_ms ||
        wanted->not_after_ms > INT64_C(253402300799999))
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "RFC 5280 section 4.1.2.5",
                           "a validity that cannot be written");
    return VSA_OK;
}

enum vsa_status vsa_certificate_issue(const struct vsa_certificate_template *wanted,
                                      const struct vsa_key *subject_key,
                                      const struct vsa_certificate *issuer,
                                      const struct vsa_key *issuer_key, uint8_t *buffer,
                                      size_t capacity, struct vsa_slice *der,
                                      struct vsa_error *error)
{
    uint8_t spki[MAX_SPKI];
    struct issuing issuing = {
        .builder = vsa_builder_of(buffer, capacity),
        .wanted = wanted,
        .issuer = issuer,
        .issuer_key = issuer_key,
        .point_size = 1 + vsa_curve_signature_size(vsa_key_curve(subject_key)),
    };
    VSA_TRY(check_serial(wanted->serial, error));
    VSA_TRY(check_validity(wanted, error));
    VSA_TRY(vsa_key_write_public(subject_key, spki, sizeof(spki), &issuing.spki, error));
    size_t certificate = open_sequence(&issuing);
    VSA_TRY(write_tbs(&issuing, error));
    struct vsa_slice tbs;
    VSA_TRY(vsa_builder_finish(&issuing.builder, &tbs, error));
    /* All that was written inside the open certificate. */
    tbs = vsa_slice_of(tbs.data + certificate, tbs.size - certificate);
    write_algorithm(&issuing);
    VSA_TRY(write_signature(&issuing, tbs, error));
    close_element(&issuing, certificate);
    return vsa_builder_finish(&issuing.builder, der, error);
}
