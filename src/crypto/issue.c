/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/issue.h"

#include <time.h>

#include "crypto/internal.h"

VSA_DEFINE_CLEANUP(ASN1_INTEGER, ASN1_INTEGER_free, cleanup_integer);
VSA_DEFINE_CLEANUP(ASN1_TIME, ASN1_TIME_free, cleanup_time);
VSA_DEFINE_CLEANUP(ASN1_BIT_STRING, ASN1_BIT_STRING_free, cleanup_bits);
VSA_DEFINE_CLEANUP(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free, cleanup_octets);
VSA_DEFINE_CLEANUP(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free, cleanup_constraints);
VSA_DEFINE_CLEANUP(AUTHORITY_KEYID, AUTHORITY_KEYID_free, cleanup_authority);
VSA_DEFINE_CLEANUP(CRL_DIST_POINTS, CRL_DIST_POINTS_free, cleanup_points);
VSA_DEFINE_CLEANUP(BIGNUM, BN_free, cleanup_number);

#define MAX_SERIAL 20 /* RFC 5280 section 4.1.2.2 */

static enum vsa_status set_serial(X509 *x509, struct vsa_slice serial, struct vsa_error *error)
{
    if (serial.size == 0 || serial.size > MAX_SERIAL)
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "RFC 5280 section 4.1.2.2",
                           "a serial number of %zu bytes", serial.size);
    VSA_CLEANUP(cleanup_number) BIGNUM *number = BN_bin2bn(serial.data, (int)serial.size, NULL);
    VSA_CLEANUP(cleanup_integer)
    ASN1_INTEGER *integer = number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    if (!integer || X509_set_serialNumber(x509, integer) != 1)
        return vsa_crypto_fail(error, "setting a serial number");
    return VSA_OK;
}

/*
 * Sets a time in whole seconds: UTCTime until 2049, GeneralizedTime from then on. As text: with
 * 32 bits, libcrypto's time_t may be shorter than ours.
 */
static bool set_time(ASN1_TIME *time, int64_t unix_ms)
{
    char text[sizeof("YYYYMMDDHHMMSSZ")];
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm;
    return time && gmtime_r(&seconds, &tm) &&
           strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm) > 0 &&
           ASN1_TIME_set_string_X509(time, text) == 1;
}

static enum vsa_status set_validity(X509 *x509, int64_t not_before_ms, int64_t not_after_ms,
                                    struct vsa_error *error)
{
    VSA_CLEANUP(cleanup_time) ASN1_TIME *begin = ASN1_TIME_new();
    VSA_CLEANUP(cleanup_time) ASN1_TIME *end = ASN1_TIME_new();
    if (!set_time(begin, not_before_ms) || !set_time(end, not_after_ms) ||
        X509_set1_notBefore(x509, begin) != 1 || X509_set1_notAfter(x509, end) != 1)
        return vsa_crypto_fail(error, "setting a certificate's validity");
    return VSA_OK;
}

/*
 * Sets the subject: C becomes a PrintableString, the rest UTF8Strings, as in Nitro's certificates.
 */
static enum vsa_status set_subject(X509 *x509, const struct vsa_name_part *parts,
                                   struct vsa_error *error)
{
    X509_NAME *name = X509_get_subject_name(x509);
    for (size_t i = 0; i < VSA_MAX_NAME_PARTS && parts[i].type; i++) {
        if (X509_NAME_add_entry_by_txt(name, parts[i].type, MBSTRING_UTF8,
                                       (const unsigned char *)parts[i].value, -1, -1, 0) == 1)
            continue;
        ERR_clear_error();
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "RFC 5280 appendix A.1",
                           "%s=%.100s cannot be part of a name", parts[i].type, parts[i].value);
    }
    return VSA_OK;
}

static enum vsa_status add_extension(X509 *x509, int nid, void *value, bool critical,
                                     struct vsa_error *error)
{
    if (!value || X509_add1_ext_i2d(x509, nid, value, critical, X509V3_ADD_APPEND) != 1)
        return vsa_crypto_fail(error, "adding a certificate extension");
    return VSA_OK;
}

static enum vsa_status add_basic_constraints(X509 *x509,
                                             const struct vsa_certificate_template *wanted,
                                             struct vsa_error *error)
{
    VSA_CLEANUP(cleanup_constraints) BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    if (!constraints)
        return vsa_crypto_fail(error, "making basic constraints");
    constraints->ca = wanted->is_ca ? 0xff : 0;
    if (wanted->path_length != VSA_NO_PATH_LENGTH) {
        constraints->pathlen = ASN1_INTEGER_new();
        if (!constraints->pathlen ||
            ASN1_INTEGER_set(constraints->pathlen, wanted->path_length) != 1)
            return vsa_crypto_fail(error, "making basic constraints");
    }
    return add_extension(x509, NID_basic_constraints, constraints,
                         wanted->basic_constraints_critical, error);
}

static enum vsa_status add_key_usage(X509 *x509, const struct vsa_certificate_template *wanted,
                                     struct vsa_error *error)
{
    if (!wanted->key_usage)
        return VSA_OK;
    VSA_CLEANUP(cleanup_bits) ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
    for (int bit = 0; bit < 9; bit++)
        if (!usage || (wanted->key_usage >> bit & 1 && ASN1_BIT_STRING_set_bit(usage, bit, 1) != 1))
            return vsa_crypto_fail(error, "making a key usage");
    return add_extension(x509, NID_key_usage, usage, wanted->key_usage_critical, error);
}

/*
 * Adds the subject key identifier by the first method of RFC 5280 section 4.2.1.2: SHA-1 of the
 * public key's bits.
 */
static enum vsa_status add_subject_identifier(X509 *x509, struct vsa_error *error)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    VSA_CLEANUP(cleanup_octets) ASN1_OCTET_STRING *identifier = ASN1_OCTET_STRING_new();
    if (!identifier || X509_pubkey_digest(x509, EVP_sha1(), digest, &size) != 1 ||
        ASN1_OCTET_STRING_set(identifier, digest, (int)size) != 1)
        return vsa_crypto_fail(error, "making a subject key identifier");
    return add_extension(x509, NID_subject_key_identifier, identifier, false, error);
}

static enum vsa_status add_authority_identifier(X509 *x509, const struct vsa_certificate *issuer,
                                                struct vsa_error *error)
{
    const ASN1_OCTET_STRING *theirs = issuer ? X509_get0_subject_key_id(issuer->x509) : NULL;
    if (!theirs)
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "RFC 5280 section 4.2.1.1",
                           "the issuer has no subject key identifier");
    VSA_CLEANUP(cleanup_authority) AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
    if (!authority || !(authority->keyid = ASN1_OCTET_STRING_dup(theirs)))
        return vsa_crypto_fail(error, "making an authority key identifier");
    return add_extension(x509, NID_authority_key_identifier, authority, false, error);
}

/* Appends a distribution point with one name, the URI. */
static bool append_point(CRL_DIST_POINTS *points, const char *uri)
{
    DIST_POINT *point = DIST_POINT_new();
    if (!point || sk_DIST_POINT_push(points, point) <= 0) {
        DIST_POINT_free(point);
        return false;
    }
    point->distpoint = DIST_POINT_NAME_new();
    if (!point->distpoint || !(point->distpoint->name.fullname = GENERAL_NAMES_new()))
        return false;
    point->distpoint->type = 0; /* fullName */
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    if (!name || !text || ASN1_STRING_set(text, uri, -1) != 1 ||
        sk_GENERAL_NAME_push(point->distpoint->name.fullname, name) <= 0) {
        GENERAL_NAME_free(name);
        ASN1_IA5STRING_free(text);
        return false;
    }
    GENERAL_NAME_set0_value(name, GEN_URI, text);
    return true;
}

static enum vsa_status add_distribution_point(X509 *x509, const char *uri, struct vsa_error *error)
{
    VSA_CLEANUP(cleanup_points) CRL_DIST_POINTS *points = CRL_DIST_POINTS_new();
    if (!points || !append_point(points, uri))
        return vsa_crypto_fail(error, "making a CRL distribution point");
    return add_extension(x509, NID_crl_distribution_points, points, false, error);
}

/* Adds the extensions in the order of Nitro's certificates. */
static enum vsa_status add_extensions(X509 *x509, const struct vsa_certificate_template *wanted,
                                      const struct vsa_certificate *issuer, struct vsa_error *error)
{
    VSA_TRY(add_basic_constraints(x509, wanted, error));
    if (wanted->key_usage_first) {
        VSA_TRY(add_key_usage(x509, wanted, error));
        if (wanted->subject_key_identifier)
            VSA_TRY(add_subject_identifier(x509, error));
        if (wanted->authority_key_identifier)
            VSA_TRY(add_authority_identifier(x509, issuer, error));
    } else {
        if (wanted->authority_key_identifier)
            VSA_TRY(add_authority_identifier(x509, issuer, error));
        if (wanted->subject_key_identifier)
            VSA_TRY(add_subject_identifier(x509, error));
        VSA_TRY(add_key_usage(x509, wanted, error));
    }
    if (wanted->crl_distribution_point)
        VSA_TRY(add_distribution_point(x509, wanted->crl_distribution_point, error));
    return VSA_OK;
}

static enum vsa_status write_der(X509 *x509, uint8_t *buffer, size_t capacity,
                                 struct vsa_slice *der, struct vsa_error *error)
{
    unsigned char *end = buffer;
    VSA_TRY(vsa_check_encoded_size(i2d_X509(x509, NULL), capacity, "the certificate", error));
    int size = i2d_X509(x509, &end);
    if (size <= 0)
        return vsa_crypto_fail(error, "encoding a certificate");
    *der = vsa_slice_of(buffer, (size_t)size);
    return VSA_OK;
}

enum vsa_status vsa_certificate_issue(const struct vsa_certificate_template *wanted,
                                      const struct vsa_key *subject_key,
                                      const struct vsa_certificate *issuer,
                                      const struct vsa_key *issuer_key, uint8_t *buffer,
                                      size_t capacity, struct vsa_slice *der,
                                      struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_x509) X509 *x509 = X509_new();
    /* Version 3 is written as 2. */
    if (!x509 || X509_set_version(x509, 2) != 1 || X509_set_pubkey(x509, subject_key->pkey) != 1)
        return vsa_crypto_fail(error, "making a certificate");
    VSA_TRY(set_serial(x509, wanted->serial, error));
    VSA_TRY(set_validity(x509, wanted->not_before_ms, wanted->not_after_ms, error));
    VSA_TRY(set_subject(x509, wanted->subject, error));
    X509_NAME *issuer_name = X509_get_subject_name(issuer ? issuer->x509 : x509);
    if (X509_set_issuer_name(x509, issuer_name) != 1)
        return vsa_crypto_fail(error, "naming the issuer");
    VSA_TRY(add_extensions(x509, wanted, issuer, error));
    if (X509_sign(x509, issuer_key->pkey, EVP_sha384()) <= 0)
        return vsa_crypto_fail(error, "signing a certificate");
    return write_der(x509, buffer, capacity, der, error);
}
