/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/description.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/slice.h"
#include "x509/name.h"

static void describe_part(const struct vsa_name_attribute *attribute, struct vsa_issuer_part *part)
{
    const struct vsa_name_type *type = vsa_name_type_of(attribute->oid);
    if (type)
        (void)snprintf(part->type, sizeof(part->type), "%s", type->long_name);
    else
        vsa_oid_format(attribute->oid, part->type, sizeof(part->type));
    vsa_name_value_format(attribute, part->value, sizeof(part->value));
}

/* Writes the algorithm's name as openssl prints it, else its number. */
static void describe_algorithm(struct vsa_slice algorithm, char *text, size_t capacity)
{
#define PKCS1 "\x2a\x86\x48\x86\xf7\x0d\x01\x01"
#define ECDSA "\x2a\x86\x48\xce\x3d\x04"
    static const struct {
        const char *oid; /* its content */
        const char *name;
    } names[] = {
        {ECDSA "\x01", "ecdsa-with-SHA1"},
        {ECDSA "\x03\x01", "ecdsa-with-SHA224"},
        {ECDSA "\x03\x02", "ecdsa-with-SHA256"},
        {ECDSA "\x03\x03", "ecdsa-with-SHA384"},
        {ECDSA "\x03\x04", "ecdsa-with-SHA512"},
        {PKCS1 "\x05", "sha1WithRSAEncryption"},
        {PKCS1 "\x0a", "rsassaPss"},
        {PKCS1 "\x0b", "sha256WithRSAEncryption"},
        {PKCS1 "\x0c", "sha384WithRSAEncryption"},
        {PKCS1 "\x0d", "sha512WithRSAEncryption"},
        {PKCS1 "\x0e", "sha224WithRSAEncryption"},
        {"\x2b\x65\x70", "ED25519"},
        {"\x2b\x65\x71", "ED448"},
    };
    struct vsa_der_reader reader = vsa_der_reader_of(algorithm);
    struct vsa_der_reader inside;
    struct vsa_slice oid = {NULL, 0};
    if (vsa_der_enter(&reader, VSA_DER_SEQUENCE, &inside, NULL) == VSA_OK)
        (void)!vsa_der_read(&inside, VSA_DER_OID, &oid, NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (vsa_slice_equal_text(oid, names[i].oid)) {
            (void)snprintf(text, capacity, "%s", names[i].name);
            return;
        }
    vsa_oid_format(oid, text, capacity);
}

enum vsa_status vsa_certificate_describe(const struct vsa_x509 *fields,
                                         struct vsa_certificate_description *description,
                                         struct vsa_error *error)
{
    memset(description, 0, sizeof(*description));
    size_t count = vsa_name_count(fields->issuer);
    for (size_t i = 0; i < count && i < VSA_MAX_ISSUER_PARTS; i++) {
        struct vsa_name_attribute attribute = vsa_name_at(fields->issuer, i);
        describe_part(&attribute, &description->issuer[i]);
        description->issuer_count++;
    }
    describe_algorithm(fields->algorithm, description->signature_algorithm,
                       sizeof(description->signature_algorithm));
    if (fields->signature.size > VSA_MAX_CERTIFICATE_SIGNATURE)
        return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX,
                        "certificate's own signature has %zu bytes", fields->signature.size);
    description->signature = fields->signature;
    return VSA_OK;
}
