/* SPDX-License-Identifier: Apache-2.0 */
/* The time of day, which the library never reads: what documents are compared with. */
#ifndef VSA_PROGRAMS_WALL_CLOCK_H
#define VSA_PROGRAMS_WALL_CLOCK_H

#include <stdint.h>

/* Unix milliseconds. */
int64_t wall_clock_ms(void);

#endif
