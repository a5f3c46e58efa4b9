/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate that is kept: its bytes, what they state (x509/fields.h), its key ready for use.
 */
#ifndef VSA_X509_CERTIFICATE_H
#define VSA_X509_CERTIFICATE_H

#include <stdatomic.h>

#include "crypto/signature_check.h"
#include "x509/fields.h"
#include <vsattest/limits.h>

/* Immutable once parsed; reference-counted, so that a cache and its users share one. */
struct vsa_certificate {
    struct vsa_x509 fields; /* borrows `der` */
    struct vsa_key *key;    /* NULL where `fields` has no curve */
    atomic_int references;
    uint8_t sha256[32];            /* of `der` */
    char subject[VSA_MAX_SUBJECT]; /* RFC 2253, printable; for people */
    uint8_t der[];
};

/*
 * Parses exactly one DER certificate and copies it. `like` is a key that the certificate's key may
 * share parameters with, such as its issuer's, or NULL (vsa_key_from_point()). Errors:
 * VSA_ERR_CERTIFICATE_SYNTAX (also for a time that does not exist and a point that is not on its
 * curve), VSA_ERR_TRAILING_BYTES, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_certificate_parse(struct vsa_slice der, const struct vsa_key *like,
                                                   struct vsa_certificate **certificate,
                                                   struct vsa_error *error);
/*
 * Finds exactly one certificate, PEM or DER; `*der` borrows `file` or `buffer`. Text may stand
 * before a PEM block, as openssl prints it; after it, only white space.
 */
VSA_MUST_USE enum vsa_status vsa_certificate_read_file(struct vsa_slice file, uint8_t *buffer,
                                                       size_t capacity, struct vsa_slice *der,
                                                       struct vsa_error *error);

struct vsa_certificate *vsa_certificate_reference(struct vsa_certificate *certificate);
void vsa_certificate_release(struct vsa_certificate *certificate);
VSA_DEFINE_CLEANUP(struct vsa_certificate, vsa_certificate_release, vsa_cleanup_certificate);

/*
 * Returns whether `subject` names `issuer` as its issuer: the distinguished names are equal byte
 * for byte and, where both carry them, so are authority and subject key identifiers; where the
 * former has the name and serial number of the issuer's certificate, so are these (RFC 5280
 * sections 4.1.2.4, 4.2.1.1). No signature is checked here.
 */
bool vsa_certificate_names_issuer(const struct vsa_certificate *subject,
                                  const struct vsa_certificate *issuer);

/*
 * Verifies the certificate's signature, ecdsa-with-SHA384, with the issuer's P-384 key.
 * Errors: VSA_ERR_CHAIN.
 */
VSA_MUST_USE enum vsa_status vsa_certificate_check_signature(const struct vsa_certificate *subject,
                                                             const struct vsa_certificate *issuer,
                                                             struct vsa_error *error);

/*
 * Does the same in two steps; the check borrows the issuer's key. Errors: VSA_ERR_CHAIN, each.
 */
VSA_MUST_USE enum vsa_status vsa_certificate_prepare_check(const struct vsa_certificate *subject,
                                                           const struct vsa_certificate *issuer,
                                                           struct vsa_signature_check *check,
                                                           struct vsa_error *error);
VSA_MUST_USE enum vsa_status vsa_certificate_run_check(struct vsa_signature_check *check,
                                                       struct vsa_error *error);

#endif
