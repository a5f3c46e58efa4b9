/* SPDX-License-Identifier: Apache-2.0 */
/* A verification that succeeded, for people: what was proved, what was compared, what was not. */
#ifndef VSA_PROGRAMS_CLAIMS_TEXT_H
#define VSA_PROGRAMS_CLAIMS_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include <vsattest/attestation.h>

/* `chosen`: how the time was, NULL for the clock's: policy_options_time_choice(). */
void claims_print(FILE *out, const struct vsa_claims *claims, const char *chosen);

/*
 * Prints what to do about a document that failed at its time: "it is of T: --at T", or where it was
 * requested just now (`fresh`) that the clocks differ. Nothing for other failures.
 */
void claims_explain_time(FILE *out, enum vsa_status status, struct vsa_slice document,
                         int64_t now_ms, bool fresh);

/* Warnings about what the verification does not prove, one a line: "PROGRAM: warning: ...". */
void claims_warn(FILE *out, const char *program, const struct vsa_claims *claims);

#endif
