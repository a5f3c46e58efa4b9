/* SPDX-License-Identifier: Apache-2.0 */
/* CLOCK_MONOTONIC, finer than vsa_monotonic_ms() (vsattest/base.h): for durations. */
#ifndef VSA_BASE_MONOTONIC_H
#define VSA_BASE_MONOTONIC_H

#include <vsattest/base.h>

int64_t vsa_monotonic_us(void);

#endif
