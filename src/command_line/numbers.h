/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers on the command line; errors name the range. */
#ifndef VSA_COMMAND_LINE_NUMBERS_H
#define VSA_COMMAND_LINE_NUMBERS_H

#include <vsattest/base.h>

/*
 * Parses decimal digits, all of the text. `what` names the option in the error ("--port").
 * Errors: VSA_ERR_ARGUMENT.
 */
VSA_MUST_USE enum vsa_status numbers_parse(const char *what, const char *text, uint64_t lowest,
                                           uint64_t highest, uint64_t *value,
                                           struct vsa_error *error);

/*
 * Parses seconds with up to three decimals ("2.5"); sets milliseconds. `lowest_ms` is at most a
 * second.
 */
VSA_MUST_USE enum vsa_status numbers_parse_seconds(const char *what, const char *text,
                                                   uint64_t lowest_ms, uint64_t highest_seconds,
                                                   int64_t *milliseconds, struct vsa_error *error);

#endif
