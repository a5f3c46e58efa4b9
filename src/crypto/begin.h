/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_CRYPTO_BEGIN_H
#define VSA_CRYPTO_BEGIN_H

#include <stdbool.h>

/*
 * Has libcrypto make what it makes at its first use, whatever that is. Returns false when memory is
 * short, where OpenSSL 3.0 crashes if its first use is a digest or a key.
 */
bool vsa_crypto_begin(void);

/*
 * Does the same for what libcrypto keeps for each thread. AWS-LC ends the process when memory is
 * short at a thread's first use of randomness: a thread that serves others calls this before.
 */
void vsa_crypto_begin_thread(void);

/*
 * Begins libcrypto for a program of ours that runs for a moment, before anything else of it:
 * without the table of all algorithms' old names, which only look-ups by name need, and without
 * freeing it all at exit. That is half of what its start takes. Not for the library: the process is
 * its user's.
 */
void vsa_crypto_begin_program(void);

#endif
