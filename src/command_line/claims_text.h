/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a verification's result: what was proved, what was compared, what was not. */
#ifndef VSA_COMMAND_LINE_CLAIMS_TEXT_H
#define VSA_COMMAND_LINE_CLAIMS_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "command_line/policy_options.h"

/* Prints verified claims. `chosen`: from policy_options_time_choice(); NULL: the clock's time. */
void claims_print(FILE *out, const struct vsa_claims *claims, const char *chosen);

/*
 * Prints advice on a failed verification of `document` at `now_ms`, where options of ours matter:
 * times and roots. `fresh`: the document was made just now.
 */
void claims_explain(FILE *out, const struct policy_options *options, enum vsa_status status,
                    struct vsa_slice document, int64_t now_ms, bool fresh);

/* Prints warnings of what the verification does not prove: "PROGRAM: warning: ..." a line. */
void claims_warn(FILE *out, const char *program, const struct vsa_claims *claims);

#endif
