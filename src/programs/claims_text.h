/* SPDX-License-Identifier: Apache-2.0 */
/* A verification that succeeded, for people: what was proved, what was compared, what was not. */
#ifndef VSA_PROGRAMS_CLAIMS_TEXT_H
#define VSA_PROGRAMS_CLAIMS_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "programs/policy_options.h"

/* `chosen`: how the time was, NULL for the clock's: policy_options_time_choice(). */
void claims_print(FILE *out, const struct vsa_claims *claims, const char *chosen);

/*
 * Writes what to do about a failed verification of `document` at `now_ms`, where options of ours
 * have a part in it: times and roots. `fresh`: the document was made just now.
 */
void claims_explain(FILE *out, const struct policy_options *options, enum vsa_status status,
                    struct vsa_slice document, int64_t now_ms, bool fresh);

/* Warnings about what the verification does not prove, one a line: "PROGRAM: warning: ...". */
void claims_warn(FILE *out, const char *program, const struct vsa_claims *claims);

#endif
