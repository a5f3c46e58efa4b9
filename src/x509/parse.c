/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/parse.h"

#include "base/error.h"
#include "base/slice.h"
#include "der/reader.h"
#include "x509/extensions.h"
#include "x509/name.h"

#define MAX_SERIAL 20 /* bytes; RFC 5280 section 4.1.2.2 */

static const char rule_certificate[] = "RFC 5280 section 4.1";
static const char rule_key[] = "RFC 5480 section 2.2";

static enum vsa_status refuse(struct vsa_error *error, size_t offset, const char *rule,
                              const char *what)
{
    return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, offset, rule, "%s", what);
}

/* Returns the elements between `start` and where the reader stands. */
static struct vsa_slice passed(const struct vsa_der_reader *reader, size_t start)
{
    return vsa_slice_of(reader->input.data + start, reader->offset - start);
}

/*
 * Reads an AlgorithmIdentifier (RFC 5280 section 4.1.1.2). Keys and signatures of RFC 8410 have no
 * parameters; those of RFC 5758 are compared as a whole.
 */
static enum vsa_status read_algorithm(struct vsa_der_reader *reader, struct vsa_slice *oid,
                                      struct vsa_slice *parameters, struct vsa_error *error)
{
    static const uint8_t edwards[] = {0x2b, 0x65}; /* 1.3.101: 110 to 113 are RFC 8410's */
    struct vsa_der_reader algorithm;
    VSA_TRY(vsa_der_enter(reader, VSA_DER_SEQUENCE, &algorithm, error));
    VSA_TRY(vsa_der_read(&algorithm, VSA_DER_OID, oid, error));
    size_t start = algorithm.offset;
    if (!vsa_der_at_end(&algorithm))
        VSA_TRY(vsa_der_skip(&algorithm, error));
    VSA_TRY(vsa_der_finish(&algorithm, "an algorithm identifier", error));
    *parameters = passed(&algorithm, start);
    if (parameters->size && oid->size == 3 && memcmp(oid->data, edwards, sizeof(edwards)) == 0 &&
        oid->data[2] >= 110 && oid->data[2] <= 113)
        return refuse(error, start, "RFC 8410 section 3", "parameters where there must be none");
    return VSA_OK;
}

/* Reads [0] EXPLICIT Version (RFC 5280 section 4.1.2.1). Left out it is v1, and only so. */
static enum vsa_status read_version(struct vsa_der_reader *tbs, int *version,
                                    struct vsa_error *error)
{
    struct vsa_der_reader tagged;
    struct vsa_slice number;
    *version = 1;
    if (!vsa_der_next_is(tbs, VSA_DER_CONTEXT_CONSTRUCTED(0)))
        return VSA_OK;
    VSA_TRY(vsa_der_enter(tbs, VSA_DER_CONTEXT_CONSTRUCTED(0), &tagged, error));
    VSA_TRY(vsa_der_read(&tagged, VSA_DER_INTEGER, &number, error));
    VSA_TRY(vsa_der_finish(&tagged, "the version", error));
    bool exists = number.size == 1 && (number.data[0] == 1 || number.data[0] == 2);
    *version = exists ? number.data[0] + 1 : 0;
    return VSA_OK;
}

/*
 * Reads the serial number. The first byte beyond 20 may only be the sign: AWS's have 160 bits that
 * way.
 */
static enum vsa_status read_serial(struct vsa_der_reader *tbs, struct vsa_slice *serial,
                                   struct vsa_error *error)
{
    size_t start = tbs->offset;
    VSA_TRY(vsa_der_read(tbs, VSA_DER_INTEGER, serial, error));
    size_t sign = serial->data[0] == 0 ? 1 : 0;
    if (serial->data[0] & 0x80 || serial->size - sign > MAX_SERIAL)
        return refuse(error, start, "RFC 5280 section 4.1.2.2",
                      "serial number is negative or longer than 20 bytes");
    return VSA_OK;
}

static enum vsa_status read_validity(struct vsa_der_reader *tbs, struct vsa_x509 *fields,
                                     struct vsa_error *error)
{
    struct vsa_der_reader validity;
    size_t start = tbs->offset;
    VSA_TRY(vsa_der_enter(tbs, VSA_DER_SEQUENCE, &validity, error));
    VSA_TRY(vsa_der_read_time(&validity, &fields->not_before_ms, error));
    VSA_TRY(vsa_der_read_time(&validity, &fields->not_after_ms, error));
    if (fields->not_before_ms > fields->not_after_ms)
        return refuse(error, start, "RFC 5280 section 4.1.2.5",
                      "certificate's validity ends before it begins");
    return vsa_der_finish(&validity, "the validity", error);
}

/* Returns the curve of an uncompressed point under a named curve (RFC 5480 section 2.1.1). */
static enum vsa_curve curve_of(struct vsa_slice algorithm, struct vsa_slice parameters,
                               struct vsa_slice point)
{
    static const uint8_t id_ec_public_key[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
    static const struct {
        const char *oid; /* with its head */
        size_t size;
        size_t point_size;
        enum vsa_curve curve;
    } curves[] = {
        {"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10, 65, VSA_CURVE_P256},
        {"\x06\x05\x2b\x81\x04\x00\x22", 7, 97, VSA_CURVE_P384},
        {"\x06\x05\x2b\x81\x04\x00\x23", 7, 133, VSA_CURVE_P521},
    };
    if (!vsa_slice_equal(algorithm, vsa_slice_of(id_ec_public_key, sizeof(id_ec_public_key))))
        return VSA_CURVE_NONE;
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (vsa_slice_equal(parameters, vsa_slice_of(curves[i].oid, curves[i].size)) &&
            point.size == curves[i].point_size && point.data[0] == 0x04)
            return curves[i].curve;
    return VSA_CURVE_NONE;
}

/* Reads SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7, RFC 5480 section 2). */
static enum vsa_status read_key(struct vsa_der_reader *tbs, struct vsa_x509 *fields,
                                struct vsa_error *error)
{
    struct vsa_der_reader spki;
    struct vsa_slice algorithm;
    struct vsa_slice parameters;
    struct vsa_slice bits;
    unsigned unused = 0;
    VSA_TRY(vsa_der_enter(tbs, VSA_DER_SEQUENCE, &spki, error));
    VSA_TRY(read_algorithm(&spki, &algorithm, &parameters, error));
    size_t start = spki.offset;
    VSA_TRY(vsa_der_read_bits(&spki, &bits, &unused, error));
    VSA_TRY(vsa_der_finish(&spki, "the public key", error));
    if (unused)
        return refuse(error, start, rule_key, "certificate's public key declares unused bits");
    fields->curve = curve_of(algorithm, parameters, bits);
    if (fields->curve != VSA_CURVE_NONE)
        fields->point = bits;
    return VSA_OK;
}

static enum vsa_status read_tbs(struct vsa_der_reader tbs, struct vsa_x509 *fields,
                                struct vsa_error *error)
{
    struct vsa_slice oid;
    struct vsa_slice parameters;
    VSA_TRY(read_version(&tbs, &fields->version, error));
    VSA_TRY(read_serial(&tbs, &fields->serial, error));
    size_t start = tbs.offset;
    VSA_TRY(read_algorithm(&tbs, &oid, &parameters, error));
    fields->algorithm = passed(&tbs, start);
    start = tbs.offset;
    VSA_TRY(vsa_name_read(&tbs, error));
    fields->issuer = passed(&tbs, start);
    if (vsa_name_is_empty(fields->issuer))
        return refuse(error, start, "RFC 5280 section 4.1.2.4", "certificate names no issuer");
    VSA_TRY(read_validity(&tbs, fields, error));
    start = tbs.offset;
    VSA_TRY(vsa_name_read(&tbs, error));
    fields->subject = passed(&tbs, start);
    VSA_TRY(read_key(&tbs, fields, error));
    for (unsigned i = 1; i <= 2; i++)
        if (vsa_der_next_is(&tbs, VSA_DER_CONTEXT(i)) ||
            vsa_der_next_is(&tbs, VSA_DER_CONTEXT_CONSTRUCTED(i)))
            return refuse(error, tbs.offset, "RFC 5280 section 4.1.2.8",
                          "certificate has a unique identifier");
    if (vsa_der_next_is(&tbs, VSA_DER_CONTEXT_CONSTRUCTED(3)))
        VSA_TRY(vsa_x509_read_extensions(&tbs, fields, error));
    return vsa_der_finish(&tbs, "a certificate's fields", error);
}

/* Reads what stands around the TBSCertificate (RFC 5280 section 4.1.1). */
static enum vsa_status read_certificate(struct vsa_der_reader certificate, struct vsa_x509 *fields,
                                        struct vsa_error *error)
{
    /* RFC 5758 section 3.2: ecdsa-with-SHA384, without parameters. */
    static const uint8_t ecdsa_sha384[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                           0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
    const struct vsa_slice expected = vsa_slice_of(ecdsa_sha384, sizeof(ecdsa_sha384));
    struct vsa_der_reader tbs;
    struct vsa_slice oid;
    struct vsa_slice parameters;
    struct vsa_slice bits;
    unsigned unused = 0;
    size_t start = certificate.offset;
    VSA_TRY(vsa_der_enter(&certificate, VSA_DER_SEQUENCE, &tbs, error));
    fields->tbs = passed(&certificate, start);
    VSA_TRY(read_tbs(tbs, fields, error));
    start = certificate.offset;
    VSA_TRY(read_algorithm(&certificate, &oid, &parameters, error));
    fields->signed_with_ecdsa_sha384 = vsa_slice_equal(passed(&certificate, start), expected) &&
                                       vsa_slice_equal(fields->algorithm, expected);
    VSA_TRY(vsa_der_read_bits(&certificate, &bits, &unused, error));
    if (!unused)
        fields->signature = bits;
    return vsa_der_finish(&certificate, "a certificate's signature", error);
}

enum vsa_status vsa_x509_parse(struct vsa_slice der, struct vsa_x509 *fields,
                               struct vsa_error *error)
{
    struct vsa_der_reader reader = vsa_der_reader_of(der);
    struct vsa_der_reader certificate;
    struct vsa_x509 read = {.path_length = VSA_NO_PATH_LENGTH};
    if (!der.size || der.size > VSA_MAX_KEY_FILE)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, VSA_NO_OFFSET, rule_certificate,
                           "certificate of %zu bytes", der.size);
    VSA_TRY(vsa_der_enter(&reader, VSA_DER_SEQUENCE, &certificate, error));
    VSA_TRY(read_certificate(certificate, &read, error));
    if (!vsa_der_at_end(&reader))
        return vsa_fail_at(error, VSA_ERR_TRAILING_BYTES, reader.offset, rule_certificate,
                           "%zu bytes after the end of a certificate", der.size - reader.offset);
    *fields = read;
    return VSA_OK;
}
