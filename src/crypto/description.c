/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/description.h"

#include <stdio.h>

#include "crypto/internal.h"

/* Cuts at a character of UTF-8, not within one. */
static void copy_text(char *target, size_t capacity, const unsigned char *text, size_t size)
{
    if (size >= capacity) {
        size = capacity - 1;
        while (size && (text[size] & 0xc0) == 0x80)
            size--;
    }
    memcpy(target, text, size);
    target[size] = '\0';
}

static bool describe_part(const X509_NAME_ENTRY *entry, struct vsa_issuer_part *part)
{
    unsigned char *utf8 = NULL;
    int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    if (size < 0 ||
        OBJ_obj2txt(part->type, sizeof(part->type), X509_NAME_ENTRY_get_object(entry), 0) <= 0) {
        OPENSSL_free(utf8);
        return false;
    }
    copy_text(part->value, sizeof(part->value), utf8, (size_t)size);
    OPENSSL_free(utf8);
    return true;
}

enum vsa_status vsa_certificate_describe(const struct vsa_certificate *certificate,
                                         struct vsa_certificate_description *description,
                                         struct vsa_error *error)
{
    memset(description, 0, sizeof(*description));
    const X509_NAME *issuer = X509_get_issuer_name(certificate->x509);
    int count = X509_NAME_entry_count(issuer);
    for (int i = 0; i < count && i < VSA_MAX_ISSUER_PARTS; i++) {
        if (!describe_part(X509_NAME_get_entry(issuer, i), &description->issuer[i]))
            return vsa_crypto_fail(error, "reading an issuer name");
        description->issuer_count++;
    }
    const ASN1_BIT_STRING *signature = NULL;
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;
    X509_get0_signature(&signature, &algorithm, certificate->x509);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    size_t size = (size_t)ASN1_STRING_length(signature);
    if (size > sizeof(description->signature) ||
        OBJ_obj2txt(description->signature_algorithm, sizeof(description->signature_algorithm),
                    object, 0) <= 0)
        return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX,
                        "certificate's own signature has %zu bytes or an unreadable algorithm",
                        size);
    memcpy(description->signature, ASN1_STRING_get0_data(signature), size);
    description->signature_size = size;
    return VSA_OK;
}
