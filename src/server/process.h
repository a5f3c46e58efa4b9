/* SPDX-License-Identifier: Apache-2.0 */
/* What this process uses. */
#ifndef VSA_SERVER_PROCESS_H
#define VSA_SERVER_PROCESS_H

#include <stdint.h>

struct vsa_process_usage {
    int64_t resident_bytes; /* -1 where there is no /proc */
    int64_t user_us;        /* CPU time of all threads */
    int64_t system_us;
};

/* Any thread. */
void vsa_process_read(struct vsa_process_usage *usage);

#endif
