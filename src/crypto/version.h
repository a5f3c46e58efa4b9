/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_CRYPTO_VERSION_H
#define VSA_CRYPTO_VERSION_H

/*
 * Returns name and version of the libcrypto in use, "OpenSSL 3.0.15 3 Sep 2024" or "AWS-LC 5.12.0";
 * static. Begins nothing in libcrypto.
 */
const char *vsa_crypto_version(void);

#endif
