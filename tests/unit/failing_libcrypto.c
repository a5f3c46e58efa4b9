/* SPDX-License-Identifier: Apache-2.0 */
#include "failing_libcrypto.h"

#include <stdlib.h>

#include <openssl/crypto.h>

static int left = -1; /* allocations that succeed; -1: all */
static bool one_only;
static bool failed;

static bool is_failing(void)
{
    if (left < 0 || (one_only && failed))
        return false;
    if (left > 0) {
        left--;
        return false;
    }
    failed = true;
    return true;
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return is_failing() ? NULL : malloc(size);
}

static void *reallocate(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return is_failing() ? NULL : realloc(old, size);
}

static void release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

bool failing_libcrypto_start(void)
{
#ifdef OPENSSL_IS_AWSLC
    /* 0.47 uses what it could not allocate, in EC_KEY_check_fips(). */
    (void)allocate, (void)reallocate, (void)release;
    return false;
#else
    return CRYPTO_set_mem_functions(allocate, reallocate, release) == 1;
#endif
}

void failing_libcrypto_after(int count, bool only_one)
{
    left = count;
    one_only = only_one;
    failed = false;
}

bool failing_libcrypto_end(void)
{
    left = -1;
    return failed;
}
