/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this directory: the only ones that use OpenSSL. */
#ifndef VSA_CRYPTO_INTERNAL_H
#define VSA_CRYPTO_INTERNAL_H

#include <stdbool.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "crypto/key.h"

struct vsa_key {
    EVP_PKEY *pkey;
    enum vsa_curve curve;
};

/* Creates a key around `pkey`, whose reference it takes over, also on failure. */
VSA_MUST_USE enum vsa_status vsa_key_wrap(EVP_PKEY *pkey, enum vsa_curve curve,
                                          struct vsa_key **key, struct vsa_error *error);

/* Returns the hash that a curve goes with; SHA-384 for VSA_CURVE_NONE. */
const EVP_MD *vsa_curve_digest(enum vsa_curve curve);

/*
 * Returns the curve of a SubjectPublicKeyInfo: id-ecPublicKey with a *named* curve and an
 * uncompressed point (RFC 5480 section 2); VSA_CURVE_NONE for everything else.
 */
enum vsa_curve vsa_curve_of_spki(X509_PUBKEY *spki);

/* Returns VSA_ERR_CRYPTO with `what` and libcrypto's reason; clears its error queue. */
VSA_MUST_USE enum vsa_status vsa_crypto_fail(struct vsa_error *error, const char *what);

/*
 * Returns whether libcrypto's errors, which are cleared, say that bytes are no point of the curve,
 * and not that memory was short, where it may say so of any.
 */
bool vsa_crypto_refused_point(void);

/*
 * Returns whether a signature does not verify; else memory was short. Clears libcrypto's errors.
 *
 * verdict  in: of EVP_PKEY_verify(), not 1. AWS-LC has 0 for both, OpenSSL -1 for what it could not
 *          compute: for want of memory, or because the sum of points is none
 */
bool vsa_crypto_refused_signature(int verdict);

/* Returns no passphrase, so that libcrypto does not prompt for that of an encrypted PEM file. */
int vsa_no_passphrase(char *buffer, int size, int for_writing, void *context);

/* Checks that the `length` bytes that an i2d function will write fit the caller's buffer. */
VSA_MUST_USE enum vsa_status vsa_check_encoded_size(int length, size_t capacity, const char *what,
                                                    struct vsa_error *error);

VSA_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free, vsa_cleanup_pkey);
VSA_DEFINE_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free, vsa_cleanup_pkey_ctx);
VSA_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free, vsa_cleanup_md_ctx);
VSA_DEFINE_CLEANUP(ECDSA_SIG, ECDSA_SIG_free, vsa_cleanup_ecdsa_sig);
VSA_DEFINE_CLEANUP(BIO, BIO_free_all, vsa_cleanup_bio);
VSA_DEFINE_CLEANUP(X509_PUBKEY, X509_PUBKEY_free, vsa_cleanup_x509_pubkey);

#endif
