/* SPDX-License-Identifier: Apache-2.0 */
/* What people are shown of a certificate besides its subject and validity. */
#ifndef VSA_X509_DESCRIPTION_H
#define VSA_X509_DESCRIPTION_H

#include "x509/fields.h"

/* Real issuer names have fewer than ten parts; the rest of a longer one is left out. */
#define VSA_MAX_ISSUER_PARTS 16
/* Longer than any of these is RSA-16384: no signing certificate. */
#define VSA_MAX_CERTIFICATE_SIGNATURE 2048

struct vsa_issuer_part {
    char type[64];   /* "commonName" */
    char value[256]; /* UTF-8, cut off where longer */
};

struct vsa_certificate_description {
    size_t issuer_count;
    struct vsa_issuer_part issuer[VSA_MAX_ISSUER_PARTS];
    char signature_algorithm[64]; /* "ecdsa-with-SHA384" */
    struct vsa_slice signature;   /* borrowed from the certificate */
};

/* Describes a certificate as text. Errors: VSA_ERR_CERTIFICATE_SYNTAX. */
VSA_MUST_USE enum vsa_status
vsa_certificate_describe(const struct vsa_x509 *fields,
                         struct vsa_certificate_description *description, struct vsa_error *error);

#endif
