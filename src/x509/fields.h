/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one X.509 certificate states (RFC 5280), borrowed from its bytes. Reading collects facts;
 * the rules about a path stand in attestation/chain.c, one below the other.
 *
 * Every byte has one reading: DER throughout (der/reader.h), nothing left over, no field unknown.
 * Values of extensions that are not read here remain bytes.
 */
#ifndef VSA_X509_FIELDS_H
#define VSA_X509_FIELDS_H

#include <stdbool.h>

#include "crypto/key.h"

/* keyUsage bits (RFC 5280 section 4.2.1.3), bit 0 first. */
#define VSA_KEY_USAGE_DIGITAL_SIGNATURE (1u << 0)
#define VSA_KEY_USAGE_NON_REPUDIATION   (1u << 1)
#define VSA_KEY_USAGE_CERTIFICATE_SIGN  (1u << 5)
#define VSA_KEY_USAGE_CRL_SIGN          (1u << 6)

#define VSA_NO_PATH_LENGTH (-1)

/* Slices are absent (NULL) where the certificate does not have the field. */
struct vsa_x509 {
    struct vsa_slice tbs;    /* TBSCertificate as it was signed, with its head */
    struct vsa_slice serial; /* big endian, with a zero byte before a bit that would be the sign */
    struct vsa_slice issuer; /* Name, with its head */
    struct vsa_slice subject;
    struct vsa_slice algorithm; /* AlgorithmIdentifier of the signature, with its head */
    struct vsa_slice signature; /* its bits; absent where some bits of a byte are unused */
    struct vsa_slice point;     /* the public key's, uncompressed; absent without a curve */
    struct vsa_slice subject_key_identifier;
    struct vsa_slice authority_key_identifier;
    struct vsa_slice authority_issuer; /* Name, with its head: whose certificate the issuer's is */
    struct vsa_slice authority_serial;
    enum vsa_curve curve;          /* VSA_CURVE_NONE: not a named NIST curve, or another form */
    int version;                   /* 3 for X.509 v3, 0 for none that exists */
    bool signed_with_ecdsa_sha384; /* both in the certificate and around it */
    const char *malformed;         /* section about an extension that is; NULL: none is */
    bool unknown_critical;         /* an extension that is not understood, but has to be */
    const char *not_applied;       /* section about one that limits what the certificate may do */
    bool has_basic_constraints;
    bool basic_constraints_critical;
    bool is_ca;
    int path_length; /* or VSA_NO_PATH_LENGTH */
    bool has_key_usage;
    uint32_t key_usage; /* VSA_KEY_USAGE_... */
    int64_t not_before_ms;
    int64_t not_after_ms;
};

#endif
