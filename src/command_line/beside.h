/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of the same installation that are no commands. */
#ifndef VSA_COMMAND_LINE_BESIDE_H
#define VSA_COMMAND_LINE_BESIDE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Looks for a program beside this program's own file: in ../libexec/vsattest, as installed; in
 * ../NAME, as in the build tree; in the same directory.
 *
 * path  out: its path, NUL-terminated; undefined if there is none
 *
 * Returns whether it is there.
 */
bool beside_find(const char *name, char *path, size_t capacity);

#endif
