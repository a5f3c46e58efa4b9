/* SPDX-License-Identifier: Apache-2.0 */
/* The programs' exit statuses, as in the man pages. */
#ifndef VSA_COMMAND_LINE_EXIT_CODE_H
#define VSA_COMMAND_LINE_EXIT_CODE_H

#include <vsattest/base.h>

/* EXIT_CODE_HELP says what each means, the man pages when a program ends with it. */
enum exit_code {
    EXIT_CODE_OK,
    EXIT_CODE_REFUSED,
    EXIT_CODE_USAGE,
    EXIT_CODE_UNREACHABLE,
    EXIT_CODE_MALFORMED,
    EXIT_CODE_INTERNAL,
};

#define EXIT_CODE_HELP                                                                             \
    "Exit status:\n"                                                                               \
    "  0  done; with verification: verified\n"                                                     \
    "  1  refused: not trustworthy, not as expected, or refused by the enclave\n"                  \
    "  2  usage: wrong arguments, or a file named by an option is unfit\n"                         \
    "  3  unreachable: input, output or connection failed, no answer, busy\n"                      \
    "  4  malformed: broken syntax or format, or larger than allowed\n"                            \
    "  5  internal error\n"

enum exit_code exit_code_of(enum vsa_status status);

/* Returns the exit status of a failure to read the arguments: usage, or internal. */
enum exit_code exit_code_of_arguments(enum vsa_status status);

/*
 * Returns the worse of two: refused is the worst, then malformed, internal, usage, unreachable.
 */
enum exit_code exit_code_worse(enum exit_code one, enum exit_code other);

#endif
