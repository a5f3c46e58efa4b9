/* SPDX-License-Identifier: Apache-2.0 */
/* What this process uses, and what the machine lets it have. */
#ifndef VSA_PROCESS_PROCESS_H
#define VSA_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vsa_process_usage {
    int64_t resident_bytes; /* -1 where there is no /proc */
    int64_t user_us;        /* CPU time of all threads */
    int64_t system_us;
};

/* Reads the present use. Any thread. */
void vsa_process_read(struct vsa_process_usage *usage);

/*
 * Raises the soft limit of open files to `needed`, or as far towards it as the hard one allows;
 * never lowers it. Returns the limit (0: unknown) and sets `*raised`.
 */
uint64_t vsa_process_raise_descriptors(uint64_t needed, bool *raised);

/*
 * Returns a max_buffered for this machine: a quarter of its available memory where that is less
 * than VSA_DEFAULT_MAX_BUFFERED (an enclave may have 64 MiB for all), but room for a few long lines
 * and replies. The least where there is no /proc.
 */
size_t vsa_process_buffered_bytes(void);

#endif
