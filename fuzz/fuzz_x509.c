/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our X.509 beside libcrypto's. What ours accepts, libcrypto accepts, and both read the same out of
 * it; what libcrypto alone accepts breaks a rule of the list below.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/slice.h"
#include "fuzz.h"
#include "x509/certificate.h"
#include "x509/description.h"
#include "x509/parse.h"

#define MAX_FILE 20000

/* What ours refuses and libcrypto does not. */
static bool is_known_difference(const char *rule)
{
    static const char *const rules[] = {
        "X.690 section 8.1.2",      /* types that X.509 does not use, in algorithm parameters */
        "X.690 section 8.3.2",      /* INTEGER with leading bytes, in algorithm parameters */
        "X.690 section 8.8.2",      /* NULL with content, there too */
        "X.690 section 8.19.2",     /* OBJECT IDENTIFIER, there too */
        "X.690 section 8.23",       /* text with characters that its type excludes */
        "X.690 section 8.23.8",     /* BMPString with surrogates */
        "X.690 section 10.1",       /* long lengths in names and algorithm parameters */
        "X.690 section 11.1",       /* BOOLEAN 1 */
        "X.690 section 11.2.1",     /* unused bits set, in algorithm parameters */
        "X.690 section 11.5",       /* "critical" said to be FALSE */
        "X.690 section 11.6",       /* SET out of order, or an attribute twice */
        "RFC 5280 section 4.1.2.2", /* serial number negative or long */
        "RFC 5280 section 4.1.2.4", /* issuer or value empty, TeletexString and others */
        "RFC 5280 section 4.1.2.5", /* GeneralizedTime before 2050, fractions, offsets, no time */
        "RFC 5280 section 4.1.2.8", /* unique identifiers */
        "RFC 5280 appendix B",      /* OBJECT IDENTIFIER of large or many numbers */
        "RFC 5480 section 2.2",     /* a public key with unused bits */
        "RFC 8410 section 3",       /* parameters of Ed25519 */
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rule && strcmp(rule, rules[i]) == 0)
            return true;
    return false;
}

/* Returns whether libcrypto's encoding of what it decoded is the same bytes again. */
static bool is_encoded_so(X509 *x509, struct vsa_slice der)
{
    unsigned char *encoded = NULL;
    int size = i2d_X509(x509, &encoded);
    bool same = size > 0 && vsa_slice_equal(vsa_slice_of(encoded, (size_t)size), der);
    OPENSSL_free(encoded);
    return same;
}

static void check_time(const ASN1_TIME *time, int64_t unix_ms)
{
    int days = 0;
    int seconds = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    FUZZ_REQUIRE(epoch && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1);
    FUZZ_REQUIRE(((int64_t)days * 86400 + seconds) * 1000 == unix_ms);
    ASN1_TIME_free(epoch);
}

static bool has_bytes(const ASN1_STRING *string, struct vsa_slice bytes)
{
    return string && vsa_slice_equal(vsa_slice_of(ASN1_STRING_get0_data(string),
                                                  (size_t)ASN1_STRING_length(string)),
                                     bytes);
}

/* Names: the same bytes, and the same text for people. */
static void check_names(const X509 *x509, const struct vsa_certificate *certificate)
{
    static struct vsa_certificate_description description;
    const unsigned char *der = NULL;
    size_t size = 0;
    char text[VSA_MAX_SUBJECT] = "";
    BIO *bio = BIO_new(BIO_s_mem());
    X509_NAME *subject = X509_get_subject_name(x509);
    X509_NAME *issuer = X509_get_issuer_name(x509);
    FUZZ_REQUIRE(X509_NAME_get0_der(subject, &der, &size) == 1);
    FUZZ_REQUIRE(vsa_slice_equal(vsa_slice_of(der, size), certificate->fields.subject));
    FUZZ_REQUIRE(X509_NAME_get0_der(issuer, &der, &size) == 1);
    FUZZ_REQUIRE(vsa_slice_equal(vsa_slice_of(der, size), certificate->fields.issuer));
    FUZZ_REQUIRE(bio && X509_NAME_print_ex(bio, subject, 0, XN_FLAG_RFC2253) >= 0);
    int length = BIO_read(bio, text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
    BIO_free(bio);
    /* libcrypto knows more types by name. */
    bool numbers = strstr(certificate->subject, "=#") || strstr(text, "=#");
    FUZZ_REQUIRE(numbers || strcmp(text, certificate->subject) == 0);
    if (vsa_certificate_describe(&certificate->fields, &description, NULL) != VSA_OK)
        return;
    for (size_t i = 0; i < description.issuer_count; i++) {
        unsigned char *utf8 = NULL;
        X509_NAME_ENTRY *entry = X509_NAME_get_entry(issuer, (int)i);
        FUZZ_REQUIRE(ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry)) >= 0);
        size_t shown = strlen(description.issuer[i].value);
        FUZZ_REQUIRE(strncmp((const char *)utf8, description.issuer[i].value, shown) == 0);
        OPENSSL_free(utf8);
    }
}

static void check_extensions(X509 *x509, const struct vsa_x509 *fields)
{
    uint32_t flags = X509_get_extension_flags(x509);
    /* Each is refused in a path. */
    if (fields->malformed || fields->unknown_critical || fields->not_applied)
        return;
    FUZZ_REQUIRE(!(flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)));
    FUZZ_REQUIRE(fields->is_ca == !!(flags & EXFLAG_CA));
    FUZZ_REQUIRE(fields->has_basic_constraints == !!(flags & EXFLAG_BCONS));
    FUZZ_REQUIRE(fields->path_length == X509_get_pathlen(x509));
    FUZZ_REQUIRE(fields->has_key_usage == !!(flags & EXFLAG_KUSAGE));
    static const struct {
        uint32_t ours;
        uint32_t theirs;
    } bits[] = {
        {VSA_KEY_USAGE_DIGITAL_SIGNATURE, KU_DIGITAL_SIGNATURE},
        {VSA_KEY_USAGE_NON_REPUDIATION, KU_NON_REPUDIATION},
        {VSA_KEY_USAGE_CERTIFICATE_SIGN, KU_KEY_CERT_SIGN},
        {VSA_KEY_USAGE_CRL_SIGN, KU_CRL_SIGN},
    };
    for (size_t i = 0; fields->has_key_usage && i < sizeof(bits) / sizeof(bits[0]); i++)
        FUZZ_REQUIRE(!(fields->key_usage & bits[i].ours) ==
                     !(X509_get_key_usage(x509) & bits[i].theirs));
    const ASN1_OCTET_STRING *identifier = X509_get0_subject_key_id(x509);
    FUZZ_REQUIRE(fields->subject_key_identifier.data
                     ? has_bytes(identifier, fields->subject_key_identifier)
                     : !identifier);
    identifier = X509_get0_authority_key_id(x509);
    FUZZ_REQUIRE(fields->authority_key_identifier.data
                     ? has_bytes(identifier, fields->authority_key_identifier)
                     : !identifier);
}

/* Of itself, as of a root: name, identifiers, signature. */
static void check_issuer(X509 *x509, const struct vsa_certificate *certificate)
{
    int theirs = X509_check_issued(x509, x509);
    if (certificate->fields.malformed || !certificate->key)
        return;
    /* libcrypto compares names without case, and looks at key usage and algorithm, too. */
    if (vsa_certificate_names_issuer(certificate, certificate))
        FUZZ_REQUIRE(theirs != X509_V_ERR_SUBJECT_ISSUER_MISMATCH &&
                     theirs != X509_V_ERR_AKID_SKID_MISMATCH &&
                     theirs != X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH);
    enum vsa_status status = vsa_certificate_check_signature(certificate, certificate, NULL);
    bool verified = X509_verify(x509, X509_get0_pubkey(x509)) == 1;
    FUZZ_REQUIRE(status == VSA_OK || status == VSA_ERR_CHAIN);
    FUZZ_REQUIRE(status != VSA_OK || verified);
    if (certificate->fields.signed_with_ecdsa_sha384 &&
        vsa_key_curve(certificate->key) == VSA_CURVE_P384)
        FUZZ_REQUIRE(verified == (status == VSA_OK));
}

static void check_facts(X509 *x509, struct vsa_slice der)
{
    struct vsa_certificate *certificate = NULL;
    enum vsa_status status = vsa_certificate_parse(der, NULL, &certificate, NULL);
    EVP_PKEY *theirs = X509_get0_pubkey(x509);
    /* What is left after vsa_x509_parse() is the point. */
    FUZZ_REQUIRE(status == VSA_OK || !theirs);
    if (status != VSA_OK)
        return;
    const struct vsa_x509 *fields = &certificate->fields;
    long version = X509_get_version(x509) + 1;
    FUZZ_REQUIRE(fields->version == 0 || fields->version == version);
    FUZZ_REQUIRE(!certificate->key || theirs);
    check_time(X509_get0_notBefore(x509), fields->not_before_ms);
    check_time(X509_get0_notAfter(x509), fields->not_after_ms);
    check_names(x509, certificate);
    check_extensions(x509, fields);
    check_issuer(x509, certificate);
    vsa_certificate_release(certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_slice der = vsa_slice_of(data, size);
    struct vsa_x509 fields;
    struct vsa_error error = {.status = VSA_OK};
    if (size == 0 || size > MAX_FILE)
        return 0;
    enum vsa_status status = vsa_x509_parse(der, &fields, &error);
    const unsigned char *end = data;
    X509 *x509 = d2i_X509(NULL, &end, (long)size);
    bool exact = x509 && end == data + size && is_encoded_so(x509, der);
    /* Other versions are refused in a path; AWS-LC refuses some of them here. */
    FUZZ_REQUIRE(status != VSA_OK || exact || fields.version != 3);
    if (status == VSA_OK && exact)
        check_facts(x509, der);
    else if (exact)
        FUZZ_REQUIRE(is_known_difference(error.rule));
    X509_free(x509);
    ERR_clear_error();
    return 0;
}
