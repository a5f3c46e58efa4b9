/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output of the programs. Text that a peer or a file chose never reaches a terminal
 * as control characters.
 */
#ifndef VSA_COMMAND_LINE_OUTPUT_H
#define VSA_COMMAND_LINE_OUTPUT_H

#include <stdio.h>

#include <jansson.h>

#include <vsattest/base.h>

/*
 * Makes standard descriptors safe; call it first. A closed one is replaced by one on which writes
 * fail, since the next socket or file would get its number, and our messages. A limit on the size
 * of files (RLIMIT_FSIZE) becomes an error of write() instead of ending the program beside half a
 * file.
 */
void output_start(void);

/* Prints text in quotes, other bytes in base64, "none" when absent. Controls are escaped. */
void output_field(FILE *out, struct vsa_slice value);

/* Prints a name, without quotes; controls and what is not UTF-8 are escaped. */
void output_text(FILE *out, struct vsa_slice text);

/* Prints "PROGRAM: sentence" on stderr. */
void output_error(const char *program, const struct vsa_error *error);

/*
 * Prints one JSON object and a newline on stdout; takes the reference. NULL: memory ran out while
 * it was built. Errors: VSA_ERR_MEMORY (nothing was written), VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status output_json(json_t *object, struct vsa_error *error);
/* Does the same on one line. */
VSA_MUST_USE enum vsa_status output_json_line(json_t *object, struct vsa_error *error);

/* Flushes stdout and checks that all was written. Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status output_finish(struct vsa_error *error);

#endif
