/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/version.h"

#include <openssl/crypto.h>
#ifdef OPENSSL_IS_AWSLC
#include <openssl/service_indicator.h>
#endif

const char *vsa_crypto_version(void)
{
#ifdef OPENSSL_IS_AWSLC
    return awslc_version_string(); /* the other one names the OpenSSL that it is compatible with */
#else
    return OpenSSL_version(OPENSSL_VERSION);
#endif
}
