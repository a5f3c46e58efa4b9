/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one X.509 certificate says (RFC 5280). Parsing collects facts; the rules about them stand
 * in attestation/chain.c, one below the other.
 */
#ifndef VSA_CRYPTO_CERTIFICATE_H
#define VSA_CRYPTO_CERTIFICATE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "crypto/key.h"
#include <vsattest/limits.h>

/* keyUsage bits (RFC 5280 section 4.2.1.3), bit 0 first. */
#define VSA_KEY_USAGE_DIGITAL_SIGNATURE (1u << 0)
#define VSA_KEY_USAGE_NON_REPUDIATION   (1u << 1)
#define VSA_KEY_USAGE_CERTIFICATE_SIGN  (1u << 5)
#define VSA_KEY_USAGE_CRL_SIGN          (1u << 6)

#define VSA_NO_PATH_LENGTH (-1)

struct x509_st; /* libcrypto's certificate */

/* Immutable once parsed; reference-counted, so that a cache and its users share one. */
struct vsa_certificate {
    struct x509_st *x509;
    struct vsa_key *key; /* NULL unless the key is on a NIST curve, named, uncompressed */
    atomic_int references;
    int version;                   /* 3 for X.509 v3, 0 for none that exists */
    bool signed_with_ecdsa_sha384; /* both in the certificate and around it */
    bool extensions_malformed;     /* undecodable, or one twice */
    bool unknown_critical;         /* a critical extension besides the two below */
    bool has_basic_constraints;
    bool basic_constraints_critical;
    bool is_ca;
    int path_length; /* or VSA_NO_PATH_LENGTH */
    bool has_key_usage;
    uint32_t key_usage; /* VSA_KEY_USAGE_... */
    int64_t not_before_ms;
    int64_t not_after_ms;
    uint8_t sha256[32];
    char subject[VSA_MAX_SUBJECT]; /* RFC 2253, printable; for people */
};

/*
 * Parses exactly one DER certificate. Errors: VSA_ERR_CERTIFICATE_SYNTAX (also for a time that does
 * not exist), VSA_ERR_TRAILING_BYTES, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_certificate_parse(struct vsa_slice der,
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
 * for byte and, where both carry them, so are authority and subject key identifiers (RFC 5280
 * sections 4.1.2.4, 4.2.1.1). No signature is checked here.
 */
bool vsa_certificate_names_issuer(const struct vsa_certificate *subject,
                                  const struct vsa_certificate *issuer);

/* Verifies the certificate's signature with the issuer's key. Errors: VSA_ERR_CHAIN. */
VSA_MUST_USE enum vsa_status vsa_certificate_check_signature(const struct vsa_certificate *subject,
                                                             const struct vsa_certificate *issuer,
                                                             struct vsa_error *error);

#endif
