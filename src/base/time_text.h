/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as text: RFC 3339, always UTC on output. No clock is read here. */
#ifndef VSA_BASE_TIME_TEXT_H
#define VSA_BASE_TIME_TEXT_H

#include <vsattest/base.h>

#define VSA_TIME_TEXT_SIZE 40

/*
 * Writes "2024-09-09T19:49:12.345Z"; milliseconds only when they are not zero. Times outside the
 * years 1..9999 give an empty string. `capacity` at least VSA_TIME_TEXT_SIZE.
 */
void vsa_time_format(int64_t unix_ms, char *text, size_t capacity);

/*
 * Parses RFC 3339 (section 5.6, offset required) or Unix seconds, with an optional fraction of
 * which milliseconds count. Leap second :60 is read as :59. Errors: VSA_ERR_ARGUMENT.
 */
VSA_MUST_USE enum vsa_status vsa_time_parse(const char *text, int64_t *unix_ms,
                                            struct vsa_error *error);

#endif
