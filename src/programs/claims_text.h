/* SPDX-License-Identifier: Apache-2.0 */
/* A verification that succeeded, for people: what was proved, what was compared, what was not. */
#ifndef VSA_PROGRAMS_CLAIMS_TEXT_H
#define VSA_PROGRAMS_CLAIMS_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include <vsattest/attestation.h>

/* `time_given`: verified at --at, not at the time of the clock. */
void claims_print(FILE *out, const struct vsa_claims *claims, bool time_given);

/* Warnings about what the verification does not prove, one a line: "PROGRAM: warning: ...". */
void claims_warn(FILE *out, const char *program, const struct vsa_claims *claims);

#endif
