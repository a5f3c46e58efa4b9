/* SPDX-License-Identifier: Apache-2.0 */
#include "clock/wall_clock.h"

#include <time.h>

int64_t vsa_wall_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
