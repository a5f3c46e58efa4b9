/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/begin.h"

#include <stddef.h>

#include "crypto/internal.h"

bool vsa_crypto_begin(void)
{
    /* Of what needs libcrypto's context, a BIO is the least that fails as it should. */
    VSA_CLEANUP(vsa_cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());
    ERR_clear_error();
    return bio != NULL;
}

void vsa_crypto_begin_thread(void)
{
#ifdef OPENSSL_IS_AWSLC
    uint8_t byte;
    (void)RAND_bytes(&byte, sizeof(byte));
    ERR_clear_error();
#endif
}
