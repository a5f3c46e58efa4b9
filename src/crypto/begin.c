/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/begin.h"

#include <stddef.h>

#include <openssl/crypto.h>

#include "crypto/internal.h"

void vsa_crypto_begin_program(void)
{
    /* What it fails in, the first use fails in, too. AWS-LC has nothing to leave out. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
                                  OPENSSL_INIT_NO_ATEXIT,
                              NULL);
}

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
