/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs print. Text that a peer or a file chose never reaches a terminal
 * as control characters.
 */
#ifndef VSA_PROGRAMS_OUTPUT_H
#define VSA_PROGRAMS_OUTPUT_H

#include <stdio.h>

#include <jansson.h>

#include <vsattest/base.h>

/*
 * To be called first: where a standard descriptor is closed, the next socket or file would take
 * its number and get what is meant for people. It is made one that can only fail instead. And a
 * limit on the size of files (RLIMIT_FSIZE) becomes an error of write(), not the end of the program
 * beside a half-written file.
 */
void output_start(void);

/* In quotes if it is text, else as base64; "none" when absent. Controls are escaped. */
void output_field(FILE *out, struct vsa_slice value);

/* Without quotes, for names; controls and what is not UTF-8 are escaped. */
void output_text(FILE *out, struct vsa_slice text);

/*
 * "PROGRAM: sentence" on stderr.
 */
void output_error(const char *program, const struct vsa_error *error);

/*
 * One JSON object and a newline on stdout; takes the reference. NULL means that memory ran out
 * while it was built. Errors: VSA_ERR_MEMORY, VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status output_json(json_t *object, struct vsa_error *error);

/* Everything on stdout has been written? Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status output_finish(struct vsa_error *error);

#endif
