/* SPDX-License-Identifier: Apache-2.0 */
#include "base/monotonic.h"

#include <time.h>

int64_t vsa_monotonic_us(void)
{
    struct timespec now;
    /* Cannot fail for this clock and a valid pointer (clock_gettime(2)). */
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t vsa_monotonic_ms(void)
{
    return vsa_monotonic_us() / 1000;
}

int64_t vsa_deadline(int64_t timeout_ms)
{
    int64_t now = vsa_monotonic_ms();
    if (timeout_ms < 0)
        return now;
    return timeout_ms > INT64_MAX - now ? INT64_MAX : now + timeout_ms;
}
