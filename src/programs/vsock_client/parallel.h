/* SPDX-License-Identifier: Apache-2.0 */
/* The same for several enclaves at once, so that one that hangs costs the others nothing. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_PARALLEL_H
#define VSA_PROGRAMS_VSOCK_CLIENT_PARALLEL_H

#include <stddef.h>

/*
 * Calls `work` for each of `count` (VSA_MAX_ENCLAVES at most) items of `size` bytes, each in a
 * thread of its own as far as there are threads to be had, and waits for all.
 */
void client_parallel(void *items, size_t count, size_t size, void (*work)(void *item));

#endif
