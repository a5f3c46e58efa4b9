/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/certificate.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/slice.h"
#include "crypto/der.h"
#include "crypto/digest.h"
#include "crypto/internal.h"

/* Real certificates have at most 5 extensions; the pairwise look for duplicates stays cheap. */
#define MAX_EXTENSIONS 16

static const char rule_der[] = "RFC 5280 section 4.1";

/* Reads UTCTime "YYMMDDHHMMSSZ" or GeneralizedTime "YYYYMMDDHHMMSSZ" (RFC 5280 section 4.1.2.5). */
static bool read_time(const ASN1_TIME *time, int64_t *unix_ms)
{
    int length = ASN1_STRING_length(time);
    int expected = ASN1_STRING_type(time) == V_ASN1_UTCTIME ? 13 : 15;
    struct tm tm;
    if (length != expected || ASN1_STRING_get0_data(time)[length - 1] != 'Z' ||
        ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *unix_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

static bool read_subject(const X509 *x509, char *text, size_t capacity)
{
    VSA_CLEANUP(vsa_cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || X509_NAME_print_ex(bio, X509_get_subject_name(x509), 0, XN_FLAG_RFC2253) < 0)
        return false;
    int length = BIO_read(bio, text, (int)capacity - 1);
    text[length > 0 ? length : 0] = '\0';
    return true;
}

/* Returns whether an extension's value is exactly the DER of what was decoded from it. */
static bool is_exact_encoding(const X509 *x509, int nid, const unsigned char *der, int size)
{
    X509_EXTENSION *extension = X509_get_ext(x509, X509_get_ext_by_NID(x509, nid, -1));
    const ASN1_OCTET_STRING *string = X509_EXTENSION_get_data(extension);
    struct vsa_slice value =
        vsa_slice_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
    return size > 0 && vsa_slice_equal(value, vsa_slice_of(der, (size_t)size)) &&
           vsa_der_is_strict(value);
}

static bool read_basic_constraints(struct vsa_certificate *certificate)
{
    int critical = -1;
    BASIC_CONSTRAINTS *constraints =
        X509_get_ext_d2i(certificate->x509, NID_basic_constraints, &critical, NULL);
    if (!constraints)
        return critical == -1;
    unsigned char *der = NULL;
    int size = i2d_BASIC_CONSTRAINTS(constraints, &der);
    long length = constraints->pathlen ? ASN1_INTEGER_get(constraints->pathlen) : 0;
    bool good = is_exact_encoding(certificate->x509, NID_basic_constraints, der, size) &&
                length >= 0 && length <= 255;
    certificate->has_basic_constraints = true;
    certificate->basic_constraints_critical = critical == 1;
    certificate->is_ca = constraints->ca != 0;
    certificate->path_length = constraints->pathlen ? (int)length : VSA_NO_PATH_LENGTH;
    OPENSSL_free(der);
    BASIC_CONSTRAINTS_free(constraints);
    return good;
}

static bool read_key_usage(struct vsa_certificate *certificate)
{
    int critical = -1;
    ASN1_BIT_STRING *usage = X509_get_ext_d2i(certificate->x509, NID_key_usage, &critical, NULL);
    if (!usage)
        return critical == -1;
    /* Without these flags zero bits at the end are left out, as X.690 section 11.2.2 asks. */
    usage->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 7);
    unsigned char *der = NULL;
    int size = i2d_ASN1_BIT_STRING(usage, &der);
    bool good = is_exact_encoding(certificate->x509, NID_key_usage, der, size);
    certificate->has_key_usage = true;
    for (int bit = 0; bit < 9; bit++)
        if (ASN1_BIT_STRING_get_bit(usage, bit))
            certificate->key_usage |= 1u << bit;
    OPENSSL_free(der);
    ASN1_BIT_STRING_free(usage);
    return good;
}

/*
 * Returns whether the key identifiers have their one encoding (RFC 5280 sections 4.2.1.1 and
 * 4.2.1.2). libcrypto's releases differ in what they let pass here.
 */
static bool are_key_identifiers_exact(const struct vsa_certificate *certificate)
{
    const X509 *x509 = certificate->x509;
    unsigned char *der = NULL;
    bool good = true;
    AUTHORITY_KEYID *authority = X509_get_ext_d2i(x509, NID_authority_key_identifier, NULL, NULL);
    if (authority) {
        int size = i2d_AUTHORITY_KEYID(authority, &der);
        good = is_exact_encoding(x509, NID_authority_key_identifier, der, size);
        OPENSSL_free(der);
        AUTHORITY_KEYID_free(authority);
    }
    ASN1_OCTET_STRING *subject = X509_get_ext_d2i(x509, NID_subject_key_identifier, NULL, NULL);
    if (subject) {
        der = NULL;
        int size = i2d_ASN1_OCTET_STRING(subject, &der);
        good = is_exact_encoding(x509, NID_subject_key_identifier, der, size) && good;
        OPENSSL_free(der);
        ASN1_OCTET_STRING_free(subject);
    }
    return good;
}

/* Records the critical extensions; returns false when an extension occurs twice. */
static bool read_extension_list(struct vsa_certificate *certificate)
{
    int count = X509_get_ext_count(certificate->x509);
    if (count > MAX_EXTENSIONS)
        return false;
    for (int i = 0; i < count; i++) {
        X509_EXTENSION *extension = X509_get_ext(certificate->x509, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
        int nid = OBJ_obj2nid(object);
        if (X509_EXTENSION_get_critical(extension) && nid != NID_basic_constraints &&
            nid != NID_key_usage)
            certificate->unknown_critical = true;
        if (X509_get_ext_by_OBJ(certificate->x509, object, i) != -1)
            return false;
    }
    return true;
}

static void read_extensions(struct vsa_certificate *certificate)
{
    bool good = read_extension_list(certificate);
    good = read_basic_constraints(certificate) && good;
    good = read_key_usage(certificate) && good;
    good = are_key_identifiers_exact(certificate) && good;
    /* libcrypto decodes the others it knows, key identifiers among them. */
    good = !(X509_get_extension_flags(certificate->x509) & EXFLAG_INVALID) && good;
    certificate->extensions_malformed = !good;
    ERR_clear_error();
}

static bool is_signed_with_ecdsa_sha384(const X509 *x509)
{
    const X509_ALGOR *outer = NULL;
    X509_get0_signature(NULL, &outer, x509);
    const X509_ALGOR *inner = X509_get0_tbs_sigalg(x509);
    const ASN1_OBJECT *object = NULL;
    int parameter_type = V_ASN1_UNDEF;
    X509_ALGOR_get0(&object, &parameter_type, NULL, inner);
    /* RFC 5758 section 3.2: no parameters. */
    return OBJ_obj2nid(object) == NID_ecdsa_with_SHA384 && parameter_type == V_ASN1_UNDEF &&
           X509_ALGOR_cmp(outer, inner) == 0;
}

static enum vsa_status read_key(struct vsa_certificate *certificate, struct vsa_error *error)
{
    enum vsa_curve curve = vsa_curve_of_spki(X509_get_X509_PUBKEY(certificate->x509));
    const ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(certificate->x509);
    if (point && point->flags & 7)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, VSA_NO_OFFSET, "RFC 5480 section 2.2",
                           "certificate's public key declares unused bits");
    if (curve == VSA_CURVE_NONE)
        return VSA_OK;
    EVP_PKEY *pkey = X509_get_pubkey(certificate->x509);
    ERR_clear_error();
    if (!pkey)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, VSA_NO_OFFSET, "RFC 5480 section 2.2",
                           "certificate's public key is not a point of its curve");
    return vsa_key_wrap(pkey, curve, &certificate->key, error);
}

static enum vsa_status read_facts(struct vsa_certificate *certificate, struct vsa_slice der,
                                  struct vsa_error *error)
{
    X509 *x509 = certificate->x509;
    long version = X509_get_version(x509); /* 0 for v1; may be any number */
    certificate->version = version >= 0 && version <= 2 ? (int)version + 1 : 0;
    certificate->signed_with_ecdsa_sha384 = is_signed_with_ecdsa_sha384(x509);
    if (!read_time(X509_get0_notBefore(x509), &certificate->not_before_ms) ||
        !read_time(X509_get0_notAfter(x509), &certificate->not_after_ms))
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, VSA_NO_OFFSET,
                           "RFC 5280 section 4.1.2.5",
                           "certificate's validity is not a valid time");
    const ASN1_BIT_STRING *issuer_id = NULL;
    const ASN1_BIT_STRING *subject_id = NULL;
    X509_get0_uids(x509, &issuer_id, &subject_id);
    if (issuer_id || subject_id)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, VSA_NO_OFFSET,
                           "RFC 5280 section 4.1.2.8", "certificate has a unique identifier");
    if (!read_subject(x509, certificate->subject, sizeof(certificate->subject)))
        return vsa_crypto_fail(error, "reading a subject name");
    read_extensions(certificate);
    VSA_TRY(vsa_sha256(&der, 1, certificate->sha256, error));
    return read_key(certificate, error);
}

/*
 * Returns whether decoding and encoding gives the same bytes;
 * libcrypto keeps those inside as they were.
 */
static bool is_exact_der(X509 *x509, struct vsa_slice der)
{
    unsigned char *encoded = NULL;
    int size = i2d_X509(x509, &encoded);
    bool same = size > 0 && vsa_slice_equal(vsa_slice_of(encoded, (size_t)size), der);
    OPENSSL_free(encoded);
    return same && vsa_der_is_strict(der);
}

static enum vsa_status decode(struct vsa_slice der, X509 **x509, struct vsa_error *error)
{
    if (!der.size || der.size > VSA_MAX_KEY_FILE)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, VSA_NO_OFFSET, rule_der,
                           "certificate of %zu bytes", der.size);
    const unsigned char *end = der.data;
    VSA_CLEANUP(vsa_cleanup_x509) X509 *decoded = d2i_X509(NULL, &end, (long)der.size);
    ERR_clear_error();
    if (!decoded)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, VSA_NO_OFFSET, rule_der,
                           "not a DER certificate");
    if (end != der.data + der.size)
        return vsa_fail_at(error, VSA_ERR_TRAILING_BYTES, (size_t)(end - der.data), rule_der,
                           "%zu bytes after the end of a certificate",
                           der.size - (size_t)(end - der.data));
    if (!is_exact_der(decoded, der))
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, VSA_NO_OFFSET, rule_der,
                           "certificate is not strict DER");
    *x509 = decoded;
    decoded = NULL;
    return VSA_OK;
}

enum vsa_status vsa_certificate_parse(struct vsa_slice der, struct vsa_certificate **certificate,
                                      struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_certificate)
    struct vsa_certificate *parsed = calloc(1, sizeof(*parsed));
    if (!parsed)
        return vsa_fail(error, VSA_ERR_MEMORY, "no memory for a certificate");
    parsed->references = 1;
    parsed->path_length = VSA_NO_PATH_LENGTH;
    VSA_TRY(decode(der, &parsed->x509, error));
    VSA_TRY(read_facts(parsed, der, error));
    *certificate = parsed;
    parsed = NULL;
    return VSA_OK;
}

/* Requires that only white space follows the certificate. */
static enum vsa_status check_rest(BIO *bio, struct vsa_error *error)
{
    static const char advice[] = "keep the one that you mean in a file of its own: "
                                 "openssl x509 -in FILE -out ONE.pem takes the first";
    char *text = NULL;
    long size = BIO_get_mem_data(bio, &text);
    struct vsa_slice rest = vsa_slice_of(text, size > 0 ? (size_t)size : 0);
    size_t blank = 0;
    while (blank < rest.size && strchr(" \t\r\n", rest.data[blank]) && rest.data[blank])
        blank++;
    if (blank == rest.size)
        return VSA_OK;
    if (memmem(rest.data, rest.size, "-----BEGIN", strlen("-----BEGIN")))
        return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX,
                        "file holds more than one certificate; %s", advice);
    return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX,
                    "file holds something after its certificate; %s", advice);
}

/* Reads the one certificate of a PEM file. */
static enum vsa_status read_pem(struct vsa_slice file, X509 **x509, struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_bio) BIO *bio = BIO_new_mem_buf(file.data, (int)file.size);
    if (!bio)
        return vsa_crypto_fail(error, "reading PEM");
    VSA_CLEANUP(vsa_cleanup_x509)
    X509 *first = PEM_read_bio_X509(bio, NULL, vsa_no_passphrase, NULL);
    ERR_clear_error();
    if (!first)
        return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX,
                        "file holds no certificate, neither in PEM nor in DER");
    VSA_TRY(check_rest(bio, error));
    *x509 = first;
    first = NULL;
    return VSA_OK;
}

enum vsa_status vsa_certificate_read_file(struct vsa_slice file, uint8_t *buffer, size_t capacity,
                                          struct vsa_slice *der, struct vsa_error *error)
{
    if (!file.size || file.size > VSA_MAX_KEY_FILE)
        return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX, "certificate file of %zu bytes",
                        file.size);
    /* 0x30 is a SEQUENCE and the digit 0: the length that follows it in DER is no text. */
    if (file.size > 1 && file.data[0] == 0x30 && !isprint(file.data[1]) && !isspace(file.data[1])) {
        *der = file;
        return VSA_OK;
    }
    VSA_CLEANUP(vsa_cleanup_x509) X509 *x509 = NULL;
    VSA_TRY(read_pem(file, &x509, error));
    int length = i2d_X509(x509, NULL);
    VSA_TRY(vsa_check_encoded_size(length, capacity, "certificate", error));
    unsigned char *end = buffer;
    length = i2d_X509(x509, &end);
    VSA_TRY(vsa_check_encoded_size(length, capacity, "certificate", error));
    *der = vsa_slice_of(buffer, (size_t)length);
    return VSA_OK;
}

struct vsa_certificate *vsa_certificate_reference(struct vsa_certificate *certificate)
{
    atomic_fetch_add_explicit(&certificate->references, 1, memory_order_relaxed);
    return certificate;
}

void vsa_certificate_release(struct vsa_certificate *certificate)
{
    if (!certificate ||
        atomic_fetch_sub_explicit(&certificate->references, 1, memory_order_acq_rel) != 1)
        return;
    X509_free(certificate->x509);
    vsa_key_free(certificate->key);
    free(certificate);
}

/*
 * Compares encoded names: X509_NAME_cmp() ignores case and string types,
 * as RFC 5280 section 7.1 allows.
 */
static bool is_same_name(const X509_NAME *a, const X509_NAME *b)
{
    const unsigned char *a_der = NULL;
    const unsigned char *b_der = NULL;
    size_t a_size = 0;
    size_t b_size = 0;
    return X509_NAME_get0_der(a, &a_der, &a_size) == 1 &&
           X509_NAME_get0_der(b, &b_der, &b_size) == 1 &&
           vsa_slice_equal(vsa_slice_of(a_der, a_size), vsa_slice_of(b_der, b_size));
}

bool vsa_certificate_names_issuer(const struct vsa_certificate *subject,
                                  const struct vsa_certificate *issuer)
{
    return X509_check_issued(issuer->x509, subject->x509) == X509_V_OK &&
           is_same_name(X509_get_subject_name(issuer->x509), X509_get_issuer_name(subject->x509));
}

enum vsa_status vsa_certificate_check_signature(const struct vsa_certificate *subject,
                                                const struct vsa_certificate *issuer,
                                                struct vsa_error *error)
{
    int verdict = X509_verify(subject->x509, issuer->key->pkey);
    ERR_clear_error();
    if (verdict != 1)
        return vsa_fail_at(error, VSA_ERR_CHAIN, VSA_NO_OFFSET, "RFC 5280 section 6.1.3 (a)(1)",
                           "certificate's signature does not verify under its issuer's key");
    return VSA_OK;
}
