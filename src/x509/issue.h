/* SPDX-License-Identifier: Apache-2.0 */
/* Makes certificates in the shape of Nitro's; used by the software NSM and by tests. */
#ifndef VSA_X509_ISSUE_H
#define VSA_X509_ISSUE_H

#include <stdbool.h>

#include "x509/certificate.h"

/* One relative distinguished name: {"CN", "example"}. Up to the first with a NULL type. */
struct vsa_name_part {
    const char *type;
    const char *value;
};

#define VSA_MAX_NAME_PARTS 8

struct vsa_certificate_template {
    struct vsa_name_part subject[VSA_MAX_NAME_PARTS];
    struct vsa_slice serial; /* big endian, 1..20 bytes, positive */
    int64_t not_before_ms;   /* whole seconds count */
    int64_t not_after_ms;
    bool is_ca;
    bool basic_constraints_critical;
    int path_length;    /* or VSA_NO_PATH_LENGTH */
    uint32_t key_usage; /* VSA_KEY_USAGE_...; 0: no extension */
    bool key_usage_critical;
    bool subject_key_identifier;
    bool authority_key_identifier;
    const char *crl_distribution_point; /* URI or NULL */
    bool key_usage_first; /* before the key identifiers, as in Nitro's instance certificates */
};

/*
 * Signs a certificate for `subject_key` with ECDSA and the hash of the issuer's curve (RFC 5758
 * section 3.2): SHA-384 with P-384. `issuer` is the issuer's own
 * certificate, or NULL for a self-signed one.
 *
 * Errors: VSA_ERR_ARGUMENT for a template that no certificate can be made of,
 * VSA_ERR_BUFFER, VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_certificate_issue(const struct vsa_certificate_template *wanted,
                                                   const struct vsa_key *subject_key,
                                                   const struct vsa_certificate *issuer,
                                                   const struct vsa_key *issuer_key,
                                                   uint8_t *buffer, size_t capacity,
                                                   struct vsa_slice *der, struct vsa_error *error);

#endif
