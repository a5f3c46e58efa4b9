/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_COMMAND_LINE_WORDS_H
#define VSA_COMMAND_LINE_WORDS_H

#include <stddef.h>

/*
 * Splits a line at blanks and ends of lines; double quotes keep blanks together, and disappear.
 * Changes the line. Returns the number of words, or `most` when there are that many or more.
 */
size_t words_split(char *line, char **words, size_t most);

#endif
