/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers on the command line: all of the text, in range, or an error that says what is. */
#ifndef VSA_PROGRAMS_NUMBERS_H
#define VSA_PROGRAMS_NUMBERS_H

#include <vsattest/base.h>

/*
 * Decimal digits only. `what` names the option in the error ("--port").
 * Errors: VSA_ERR_ARGUMENT.
 */
VSA_MUST_USE enum vsa_status numbers_parse(const char *what, const char *text, uint64_t lowest,
                                           uint64_t highest, uint64_t *value,
                                           struct vsa_error *error);

/* Seconds, with up to three decimals ("2.5"), as milliseconds. */
VSA_MUST_USE enum vsa_status numbers_parse_seconds(const char *what, const char *text,
                                                   uint64_t highest_seconds, int64_t *milliseconds,
                                                   struct vsa_error *error);

#endif
