/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/certificate.h"

#include <ctype.h>
#include <string.h>

#include "base/error.h"
#include "base/pem.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "der/reader.h"
#include "x509/name.h"
#include "x509/parse.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END   "-----END CERTIFICATE-----"

static enum vsa_status read_facts(struct vsa_certificate *certificate, struct vsa_slice der,
                                  const struct vsa_key *like, struct vsa_error *error)
{
    VSA_TRY(vsa_x509_parse(der, &certificate->fields, error));
    vsa_name_format(certificate->fields.subject, certificate->subject,
                    sizeof(certificate->subject));
    VSA_TRY(vsa_sha256(&der, 1, certificate->sha256, error));
    if (certificate->fields.curve == VSA_CURVE_NONE)
        return VSA_OK;
    return vsa_key_from_point(certificate->fields.curve, certificate->fields.point, like,
                              &certificate->key, error);
}

enum vsa_status vsa_certificate_parse(struct vsa_slice der, const struct vsa_key *like,
                                      struct vsa_certificate **certificate, struct vsa_error *error)
{
    if (der.size > VSA_MAX_KEY_FILE)
        return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX, "certificate of %zu bytes", der.size);
    VSA_CLEANUP(vsa_cleanup_certificate)
    struct vsa_certificate *parsed = calloc(1, sizeof(*parsed) + der.size);
    if (!parsed)
        return vsa_fail(error, VSA_ERR_MEMORY, "no memory for a certificate");
    atomic_init(&parsed->references, 1);
    if (der.size)
        memcpy(parsed->der, der.data, der.size);
    VSA_TRY(read_facts(parsed, vsa_slice_of(parsed->der, der.size), like, error));
    *certificate = parsed;
    parsed = NULL;
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
    vsa_key_free(certificate->key);
    free(certificate);
}

/* --- files ------------------------------------------------------------------------------------ */

static struct vsa_slice from(struct vsa_slice text, size_t offset)
{
    return vsa_slice_of(text.data + offset, text.size - offset);
}

/* Returns the offset of `mark` in the text, its size when it is not there. */
static size_t find(struct vsa_slice text, const char *mark)
{
    const uint8_t *found = memmem(text.data, text.size, mark, strlen(mark));
    return found ? (size_t)(found - text.data) : text.size;
}

/* Requires that only white space follows the certificate. */
static enum vsa_status check_rest(struct vsa_slice rest, struct vsa_error *error)
{
    static const char advice[] = "keep the one that you mean in a file of its own: "
                                 "openssl x509 -in FILE -out ONE.pem takes the first";
    size_t blank = 0;
    while (blank < rest.size && rest.data[blank] && strchr(" \t\r\n", rest.data[blank]))
        blank++;
    if (blank == rest.size)
        return VSA_OK;
    if (find(rest, "-----BEGIN") < rest.size)
        return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX,
                        "file holds more than one certificate; %s", advice);
    return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX,
                    "file holds something after its certificate; %s", advice);
}

/* Returns the text from the first line that begins a certificate on. */
static struct vsa_slice first_block(struct vsa_slice file)
{
    size_t at = find(file, PEM_BEGIN);
    while (at < file.size && at && file.data[at - 1] != '\n' && file.data[at - 1] != '\r')
        at += 1 + find(from(file, at + 1), PEM_BEGIN);
    return from(file, at);
}

/* Reads the one certificate of a PEM file (RFC 7468). */
static enum vsa_status read_pem(struct vsa_slice file, uint8_t *buffer, size_t capacity,
                                struct vsa_slice *der, struct vsa_error *error)
{
    static const char nothing[] = "file holds no certificate, neither in PEM nor in DER";
    struct vsa_slice block = first_block(file);
    struct vsa_slice decoded;
    struct vsa_x509 fields;
    size_t end = find(block, PEM_END);
    if (end == block.size)
        return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX, nothing);
    end += strlen(PEM_END);
    enum vsa_status status = vsa_pem_decode(vsa_slice_of(block.data, end), "CERTIFICATE", buffer,
                                            capacity, &decoded, error);
    if (status == VSA_ERR_BUFFER)
        return status;
    if (status != VSA_OK)
        return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX, nothing);
    VSA_TRY(vsa_x509_parse(decoded, &fields, error));
    VSA_TRY(check_rest(from(block, end), error));
    *der = decoded;
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
    return read_pem(file, buffer, capacity, der, error);
}

/* --- issuers ---------------------------------------------------------------------------------- */

static bool equal_where_both(struct vsa_slice a, struct vsa_slice b)
{
    return !a.data || !b.data || vsa_slice_equal(a, b);
}

bool vsa_certificate_names_issuer(const struct vsa_certificate *subject,
                                  const struct vsa_certificate *issuer)
{
    const struct vsa_x509 *below = &subject->fields;
    const struct vsa_x509 *above = &issuer->fields;
    return vsa_slice_equal(below->issuer, above->subject) &&
           equal_where_both(below->authority_key_identifier, above->subject_key_identifier) &&
           equal_where_both(below->authority_issuer, above->issuer) &&
           equal_where_both(below->authority_serial, above->serial);
}

/* Writes an INTEGER into `field` as a number of fixed width. */
static bool read_field(struct vsa_der_reader *reader, uint8_t *field, size_t size)
{
    struct vsa_slice number;
    if (vsa_der_read(reader, VSA_DER_INTEGER, &number, NULL) != VSA_OK || number.data[0] & 0x80)
        return false;
    if (number.size > 1 && !number.data[0])
        number = from(number, 1);
    if (number.size > size)
        return false;
    memset(field, 0, size - number.size);
    memcpy(field + size - number.size, number.data, number.size);
    return true;
}

/* Converts ECDSA-Sig-Value (RFC 3279 section 2.2.3) to r || s. */
static bool read_signature(struct vsa_slice der, uint8_t raw[VSA_P384_SIGNATURE_SIZE])
{
    struct vsa_der_reader reader = vsa_der_reader_of(der);
    struct vsa_der_reader pair;
    const size_t half = VSA_P384_SIGNATURE_SIZE / 2;
    return vsa_der_enter(&reader, VSA_DER_SEQUENCE, &pair, NULL) == VSA_OK &&
           vsa_der_at_end(&reader) && read_field(&pair, raw, half) &&
           read_field(&pair, raw + half, half) && vsa_der_at_end(&pair);
}

static enum vsa_status refuse_signature(struct vsa_error *error)
{
    return vsa_fail_at(error, VSA_ERR_CHAIN, VSA_NO_OFFSET, "RFC 5280 section 6.1.3 (a)(1)",
                       "certificate's signature does not verify under its issuer's key");
}

enum vsa_status vsa_certificate_prepare_check(const struct vsa_certificate *subject,
                                              const struct vsa_certificate *issuer,
                                              struct vsa_signature_check *check,
                                              struct vsa_error *error)
{
    uint8_t raw[VSA_P384_SIGNATURE_SIZE];
    if (!subject->fields.signed_with_ecdsa_sha384 || !issuer->key ||
        vsa_key_curve(issuer->key) != VSA_CURVE_P384 ||
        !read_signature(subject->fields.signature, raw))
        return refuse_signature(error);
    return vsa_signature_check_prepare(issuer->key, &subject->fields.tbs, 1,
                                       vsa_slice_of(raw, sizeof(raw)), check, error);
}

enum vsa_status vsa_certificate_run_check(struct vsa_signature_check *check,
                                          struct vsa_error *error)
{
    enum vsa_status status = vsa_signature_check_run(check, error);
    return status == VSA_ERR_SIGNATURE ? refuse_signature(error) : status;
}

enum vsa_status vsa_certificate_check_signature(const struct vsa_certificate *subject,
                                                const struct vsa_certificate *issuer,
                                                struct vsa_error *error)
{
    struct vsa_signature_check check;
    VSA_TRY(vsa_certificate_prepare_check(subject, issuer, &check, error));
    return vsa_certificate_run_check(&check, error);
}
