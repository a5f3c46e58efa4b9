/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall clock, in a layer of its own: those that may include it are the ones that may read it
 * (ARCHITECTURE.md, "The wall clock is the caller's").
 */
#ifndef VSA_CLOCK_WALL_CLOCK_H
#define VSA_CLOCK_WALL_CLOCK_H

#include <stdint.h>

/* Returns milliseconds since 1970 (CLOCK_REALTIME). */
int64_t vsa_wall_clock_ms(void);

#endif
