/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto's memory, running out at a chosen allocation. */
#ifndef VSA_TESTS_FAILING_LIBCRYPTO_H
#define VSA_TESTS_FAILING_LIBCRYPTO_H

#include <stdbool.h>

/*
 * Takes libcrypto's memory over, before its first use: first of all in main(). Returns false
 * if libcrypto keeps it, or crashes without.
 */
bool failing_libcrypto_start(void);

/* Lets `count` allocations succeed, and fails the next one or all behind them. */
void failing_libcrypto_after(int count, bool only_one);

/* Lets all succeed again. Returns whether one failed. */
bool failing_libcrypto_end(void);

#endif
