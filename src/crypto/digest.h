/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_CRYPTO_DIGEST_H
#define VSA_CRYPTO_DIGEST_H

#include <vsattest/base.h>

#define VSA_SHA256_SIZE 32
#define VSA_SHA384_SIZE 48

/* Computes the digest of the concatenated parts. Errors: VSA_ERR_CRYPTO. */
VSA_MUST_USE enum vsa_status vsa_sha384(const struct vsa_slice *parts, size_t count,
                                        uint8_t digest[VSA_SHA384_SIZE], struct vsa_error *error);
VSA_MUST_USE enum vsa_status vsa_sha256(const struct vsa_slice *parts, size_t count,
                                        uint8_t digest[VSA_SHA256_SIZE], struct vsa_error *error);

/*
 * Fills `bytes` from the library's random generator, which the kernel seeds. Inside an enclave
 * the kernel's pool is fed by the NSM (nsm-hwrng).
 */
VSA_MUST_USE enum vsa_status vsa_random(void *bytes, size_t size, struct vsa_error *error);

#endif
