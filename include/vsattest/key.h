/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key pair to bind to an enclave: the public half goes into an attestation document, so that a
 * relying party that verifies the document can encrypt to the enclave.
 *
 * Source: RFC 5915 and RFC 5958 (private key), RFC 5480 (public key).
 * Example: examples/attested_key.c
 */
#ifndef VSATTEST_KEY_H
#define VSATTEST_KEY_H

#include <vsattest/base.h>
#include <vsattest/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A P-384 key pair. Wipe it with vsa_key_pair_wipe() after use. */
struct vsa_key_pair {
    size_t private_key_size;
    uint8_t private_key[VSA_MAX_PRIVATE_KEY]; /* PKCS#8 DER, not encrypted */
    uint8_t public_key[VSA_P384_SPKI_SIZE];   /* SubjectPublicKeyInfo DER */
};

/*
 * Makes a fresh key pair.
 *
 * pair   out: set on success; wiped on failure
 * error  out, may be NULL
 *
 * Errors: VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_key_pair_generate(struct vsa_key_pair *pair,
                                                              struct vsa_error *error);

/* Overwrites it with zeros, not optimised away. NULL is fine. */
VSA_PUBLIC void vsa_key_pair_wipe(struct vsa_key_pair *pair);

#ifdef __cplusplus
}
#endif

#endif
